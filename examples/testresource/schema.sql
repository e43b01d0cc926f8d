-- One column of each kind, for mapping.yaml beside this file. SQLite.

create table thing (
  id           integer primary key autoincrement,
  identifier   text not null,
  exact_text   text,
  any_text     text,
  whole        integer,
  yes_no       integer,
  moment       text,
  bytes        text,                       -- base64: the form that SCIM has for bytes
  link         text,
  origin       text not null,
  fixed        text,
  hidden       text,
  on_request   text,
  always       text default 'said by the app',
  part_text    text,
  part_whole   integer,
  part_yes_no  integer,
  unique_text  text,
  ext_text     text,
  ext_required text not null,
  ext_whole    integer,
  external_id  text,
  made_at      text not null,
  changed_at   text not null
);
create trigger thing_always after update of always on thing when new.always is null begin
  update thing set always = 'said by the app' where id = new.id;
end;
create unique index thing_identifier on thing (lower(identifier));
create unique index thing_unique_text on thing (lower(unique_text));

create table word (
  id    integer primary key,
  thing integer not null references thing,
  word  text not null
);
create index word_thing on word (thing);

create table item (
  id      integer primary key,
  thing   integer not null references thing,
  value   text not null,
  kind    text,
  is_main integer
);
create index item_thing on item (thing);

create table person (
  id          integer primary key autoincrement,
  login       text not null,
  given       text,
  family      text,
  shown_as    text,
  is_active   integer default 1,
  external_id text,
  made_at     text not null,
  changed_at  text not null
);
create unique index person_login on person (lower(login));

create table email (
  id      integer primary key,
  person  integer not null references person,
  address text not null,
  kind    text,
  is_main integer
);
create index email_person on email (person);

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
insert into sqlite_sequence (name, seq) values ('team', 1000000), ('thing', 2000000);
