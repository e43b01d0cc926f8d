-- A vendor's own schema on PostgreSQL, as such schemas are: several customers (tenants) in one database, rows that are
-- marked and never deleted, e-mail addresses in a table of their own, roles. Invented people. Nothing in here was made
-- for Portolan: no SCIM column, no view, no trigger.

create table tenant (
  id   integer primary key,
  name text not null unique
);

create table app_user (
  id            bigint generated always as identity primary key,
  tenant_id     integer not null references tenant,
  login         text not null,
  sso_ref       text,
  given         text,
  family        text not null default '',
  job           text,
  boss_id       bigint references app_user,
  state         smallint default 1,               -- 1 may sign in, 2 suspended, 3 locked after failed sign-ins
  prefs         jsonb not null default '{}',
  password_hash text,
  rev           integer not null default 1,       -- counts the changes
  created_at    timestamptz not null default now(),
  created_by    text not null default 'app',
  updated_at    timestamptz not null default now(),
  updated_by    text not null default 'app',
  deleted_at    timestamptz
);
create unique index app_user_login on app_user (tenant_id, lower(login)) where deleted_at is null;
create index app_user_lower_login on app_user (lower(login));
create index app_user_boss on app_user (boss_id);
create index app_user_sso_ref on app_user (sso_ref);

create table user_email (
  id      bigint generated always as identity primary key,
  user_id bigint not null references app_user,
  address text not null,
  kind    text,
  is_main boolean not null default false,
  checked boolean not null default false          -- whether the app has seen it answer; none of SCIM's business
);
create index user_email_user on user_email (user_id);
create index user_email_address on user_email (lower(address));

create table role (
  id         bigint generated always as identity primary key,
  tenant_id  integer not null references tenant,
  name       text not null,
  sso_ref    text,
  rights     text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index role_name on role (tenant_id, lower(name));

create table user_role (
  role_id    bigint not null references role,
  user_id    bigint not null references app_user,
  granted_by text not null,
  granted_at timestamptz not null default now(),
  primary key (role_id, user_id)
);
create index user_role_user on user_role (user_id);

insert into tenant values (1, 'Acme'), (2, 'Globex');

insert into app_user (tenant_id, login, given, family, job, state, prefs, created_at, updated_at, deleted_at)
select t, l, g, f, j, s, p::jsonb, '2024-03-01T08:00:00Z', '2026-02-03T10:30:00.125Z', d::timestamptz from (values
  (1, 'Ann.Archer',  'Ann',   'Archer',  'Bowyer',        1, '{"locale": "en-GB", "theme": "dark"}', null),
  (1, 'bob.baker',   'Bob',   'Baker',   'Baker',         1, '{}',                                   null),
  (1, 'cleo.carter', 'Cleo',  'Carter',  null,            2, '{"locale": "fr-FR"}',                  null),
  (1, 'dora.dyer',   'Dóra',  'Dyer',    'Dyer',          3, '{}',                                   null),
  (1, 'eve.gone',    'Eve',   'Gone',    'Smith',         1, '{}',                                   '2025-12-24T12:00:00Z'),
  (2, 'Ann.Archer',  'Anne',  'Archer',  'Another Ann',   1, '{}',                                   null),
  (2, 'finn.fisher', 'Finn',  'Fisher',  'Fisher',        1, '{"locale": "nb-NO"}',                  null)
) as v (t, l, g, f, j, s, p, d);

update app_user u set boss_id = b.id from app_user b
 where b.tenant_id = u.tenant_id and (u.login, b.login) in (('bob.baker', 'Ann.Archer'), ('cleo.carter', 'eve.gone'));

insert into user_email (user_id, address, kind, is_main, checked)
select id, lower(login) || '@example.com', 'work', true, true from app_user;
insert into user_email (user_id, address, kind)
select id, 'ann@example.org', 'home' from app_user where login = 'Ann.Archer' and tenant_id = 1;

insert into role (tenant_id, name, rights, created_at, updated_at)
select t, n, r::text[], '2024-03-01T08:00:00Z', '2024-03-01T08:00:00Z' from (values
  (1, 'Owner', '{read,write,pay}'), (1, 'Editor', '{read,write}'), (1, 'Reader', '{read}'), (2, 'Owner', '{read,write,pay}')
) as v (t, n, r);
insert into user_role (role_id, user_id, granted_by)
select r.id, u.id, 'app' from role r join app_user u on u.tenant_id = r.tenant_id
 where (r.name = 'Owner' and u.login = 'Ann.Archer') or (r.name = 'Editor' and u.login in ('bob.baker', 'eve.gone'))
    or (r.name = 'Reader' and u.login in ('bob.baker', 'cleo.carter'));
