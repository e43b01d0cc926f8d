-- A place for every attribute of users and groups, for mapping.yaml beside this file. SQLite.

create table person (
  id           integer primary key autoincrement,
  login        text not null,
  external_id  text,
  full_name    text,
  family       text,
  given        text,
  middle       text,
  prefix       text,
  suffix       text,
  shown_as     text,
  nick         text,
  profile      text,
  title        text,
  kind         text,
  language     text,
  locale       text,
  zone         text,
  is_active    integer default 1,
  number       text,
  cost_center  text,
  organization text,
  division     text,
  department   text,
  boss         text,                       -- the id of a person, as a client wrote it
  boss_ref     text,
  boss_name    text,                       -- kept by the triggers below: SCIM reads it and never writes it
  made_at      text not null,
  changed_at   text not null
);
create unique index person_login on person (lower(login));

create trigger person_boss_new after insert on person when new.boss is not null begin
  update person set boss_name = (select shown_as from person as b where b.id || '' = new.boss) where id = new.id;
end;
create trigger person_boss_changed after update of boss on person begin
  update person set boss_name = (select shown_as from person as b where b.id || '' = new.boss) where id = new.id;
end;

create table entry (
  id      integer primary key,
  person  integer not null references person,
  list    text not null,                   -- email, phone, im, photo, entitlement, role, certificate
  value   text not null,
  label   text,
  kind    text,
  is_main integer
);
create index entry_person on entry (person, list);

create table address (
  id        integer primary key,
  person    integer not null references person,
  formatted text,
  street    text,
  town      text,
  region    text,
  code      text,
  country   text,
  kind      text,
  is_main   integer
);
create index address_person on address (person);

create table team (
  id          integer primary key autoincrement,
  label       text not null,
  external_id text,
  made_at     text not null,
  changed_at  text not null
);

create table team_person (
  team   integer not null references team,
  person integer not null references person,
  primary key (team, person)
);
create index team_person_person on team_person (person);

-- Ids are nobody else's, whatever the type (RFC 7643 §3.1): each table counts from a number of its own.
insert into sqlite_sequence (name, seq) values ('team', 1000000);
