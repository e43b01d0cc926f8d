-- One column of each kind that PostgreSQL compares in a way of its own.

create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

create table person (
  id integer primary key,
  login varchar(200),
  ext char(12),
  given text collate "tr-x-icu",
  family text collate nocase,
  nick citext,
  number integer,
  status smallint,
  kind text collate "C",
  logins bigint,
  score numeric(12, 3),
  seen bigint,
  made timestamptz,
  locked text,
  phone text,
  mobile text collate "en-x-icu",
  realm text,
  cost text,
  gone smallint
);
create table email (
  id bigint generated always as identity primary key,
  person_id integer,
  addr text,
  kind varchar(40),
  main boolean,
  hidden smallint
);
create table team (code text primary key, name text collate "und-x-icu", gone text);
create table in_team (team_code text, person_id bigint, by text);
