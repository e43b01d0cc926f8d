-- A small HR database of the kind that has been in use since before anyone asked for SCIM. Invented people; SQLite.
-- Run once, on a new file. Nothing in here was made for Portolan: no SCIM column, no view, no trigger.

create table staff_person (
  person_no  integer primary key,
  logon      text not null,
  fore_nm    text,
  sur_nm     text,
  known_as   text,
  job_title  text,
  dept_cd    text,
  acct_state text default 'A',             -- A: may sign in, L: locked
  left_on    text,                         -- a leaver keeps the row, for payroll
  idp_ref    text,
  made_at    text not null,
  chg_at     text not null
);
create unique index staff_person_logon on staff_person (lower(logon)) where left_on is null;
create index staff_person_idp_ref on staff_person (idp_ref);

create table mailbox (
  mbx_no    integer primary key,
  person_no integer not null references staff_person,
  addr      text not null,
  kind      text,
  is_main   integer
);
create unique index mailbox_person_addr on mailbox (person_no, addr, kind);
create index mailbox_addr on mailbox (lower(addr));

create table team (
  team_no integer primary key autoincrement,   -- teams are really deleted, and a number is never given out again
  label   text not null,
  idp_ref text,
  made_at text not null,
  chg_at  text not null
);
create unique index team_label on team (lower(label));

create table team_person (
  team_no   integer not null references team,
  person_no integer not null references staff_person,
  primary key (team_no, person_no)
);
create index team_person_person on team_person (person_no);

insert into staff_person (person_no, logon, fore_nm, sur_nm, known_as, job_title, dept_cd, acct_state, left_on, idp_ref, made_at, chg_at) values
  (1001, 'ann.archer',   'Ann',     'Archer',     'Ann Archer',       'Site manager',       'OPS', 'A', null,                   null, '2019-03-04T08:00:00Z', '2024-11-20T09:12:31Z'),
  (1002, 'bjorn.sample', 'Björn',   'Sample',     'Björn Sample',     'Welder',             'OPS', 'A', null,                   null, '2020-06-15T08:00:00Z', '2023-02-01T10:40:00Z'),
  (1003, 'c.oexample',   'Ciara',   'O''Example', 'Ciara O''Example', 'Payroll clerk',      'FIN', 'A', null,                   null, '2020-09-01T08:00:00Z', '2025-01-13T16:05:12Z'),
  (1004, 'dora.testova', 'Dóra',    'Testová',    'Dóra Testová',     'Head of finance',    'FIN', 'A', null,                   null, '2021-01-11T08:00:00Z', '2025-01-13T16:06:45Z'),
  (1005, 'EMIL.PROBE',   'Emil',    'Probe',      'Emil Probe',       'Night porter',       'OPS', 'L', null,                   null, '2021-05-03T08:00:00Z', '2025-03-28T17:30:00Z'),
  (1006, 'fumi.mihon',   '文',      '見本',       '見本 文',          'Purchasing agent',   'PUR', 'A', null,                   null, '2022-04-01T08:00:00Z', '2022-04-01T08:00:00Z'),
  (1007, 'gus.nobody',   'Gus',     'Nobody',     'Gus Nobody',       'Driver',             'OPS', 'A', '2024-12-31T17:00:00Z', null, '2018-02-19T08:00:00Z', '2024-12-31T17:00:00Z'),
  (1008, 'h.placeholder','Hana',    'Placeholder', null,              null,                 null,  'A', null,                   null, '2025-02-03T08:00:00Z', '2025-02-03T08:00:00Z');

insert into mailbox (person_no, addr, kind, is_main) values
  (1001, 'ann.archer@example.com',   'work', 1),
  (1001, 'ann@home.example.com',     'home', 0),
  (1002, 'bjorn.sample@example.com', 'work', 1),
  (1003, 'c.o''example@example.com', 'work', 1),
  (1004, 'dora.testova@example.com', 'work', 1),
  (1005, 'Emil.Probe@example.com',   'work', 1),
  (1006, 'fumi.mihon@example.com',   'work', 1),
  (1007, 'gus.nobody@example.com',   'work', 1);

insert into team (team_no, label, idp_ref, made_at, chg_at) values
  (10, 'Everyone on site', null, '2019-03-04T08:00:00Z', '2021-05-03T08:00:00Z'),
  (20, 'Finance',          null, '2020-09-01T08:00:00Z', '2021-01-11T08:00:00Z'),
  (30, 'Fire wardens',     null, '2022-01-10T08:00:00Z', '2022-01-10T08:00:00Z');

insert into team_person (team_no, person_no) values
  (10, 1001), (10, 1002), (10, 1005), (10, 1007),
  (20, 1003), (20, 1004),
  (30, 1001);
