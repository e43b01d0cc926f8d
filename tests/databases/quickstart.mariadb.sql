-- The quickstart's HR database as an app would have it on MariaDB: columns with types and collations of their own.

create table staff_person (
  person_no  int primary key auto_increment,
  logon      varchar(200) not null,
  fore_nm    varchar(100),
  sur_nm     varchar(100),
  known_as   text,
  job_title  varchar(100),
  dept_cd    varchar(40),
  acct_state char(1) default 'A',          -- A: may sign in, L: locked
  left_on    datetime,                     -- a leaver keeps the row, for payroll
  idp_ref    varchar(200) character set ascii,
  made_at    datetime(3) not null,
  chg_at     timestamp not null,
  -- two leavers may have had one name
  logon_now  varchar(200) as (if(left_on is null, lower(logon), null)) persistent,
  unique (logon_now),
  index (logon),
  index (idp_ref)
) character set utf8mb4 collate utf8mb4_general_ci;

create table mailbox (
  mbx_no    bigint unsigned primary key auto_increment,
  person_no int not null references staff_person (person_no),
  addr      varchar(255) not null,
  kind      varchar(20),
  is_main   tinyint(1),
  unique (person_no, addr, kind),
  index (addr)
) character set utf8mb4 collate utf8mb4_unicode_ci;

create table team (
  team_no smallint primary key auto_increment,
  label   varchar(200) not null,
  idp_ref varchar(200),
  made_at datetime not null,
  chg_at  datetime not null,
  unique (label)
) character set utf8mb4 collate utf8mb4_general_ci;

create table team_person (
  team_no   smallint not null references team (team_no),
  person_no int not null references staff_person (person_no),
  primary key (team_no, person_no),
  index (person_no)
);

insert into staff_person (person_no, logon, fore_nm, sur_nm, known_as, job_title, dept_cd, acct_state, left_on, idp_ref, made_at, chg_at) values
  (1001, 'ann.archer',   'Ann',     'Archer',     'Ann Archer',       'Site manager',       'OPS', 'A', null,                   null, '2019-03-04 08:00:00', '2024-11-20 09:12:31'),
  (1002, 'bjorn.sample', 'Björn',   'Sample',     'Björn Sample',     'Welder',             'OPS', 'A', null,                   null, '2020-06-15 08:00:00', '2023-02-01 10:40:00'),
  (1003, 'c.oexample',   'Ciara',   'O''Example', 'Ciara O''Example', 'Payroll clerk',      'FIN', 'A', null,                   null, '2020-09-01 08:00:00', '2025-01-13 16:05:12'),
  (1004, 'dora.testova', 'Dóra',    'Testová',    'Dóra Testová',     'Head of finance',    'FIN', 'A', null,                   null, '2021-01-11 08:00:00', '2025-01-13 16:06:45'),
  (1005, 'EMIL.PROBE',   'Emil',    'Probe',      'Emil Probe',       'Night porter',       'OPS', 'L', null,                   null, '2021-05-03 08:00:00', '2025-03-28 17:30:00'),
  (1006, 'fumi.mihon',   '文',      '見本',       '見本 文',          'Purchasing agent',   'PUR', 'A', null,                   null, '2022-04-01 08:00:00', '2022-04-01 08:00:00'),
  (1007, 'gus.nobody',   'Gus',     'Nobody',     'Gus Nobody',       'Driver',             'OPS', 'A', '2024-12-31 17:00:00', null, '2018-02-19 08:00:00', '2024-12-31 17:00:00'),
  (1008, 'h.placeholder','Hana',    'Placeholder', null,              null,                 null,  'A', null,                   null, '2025-02-03 08:00:00', '2025-02-03 08:00:00');

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
  (10, 'Everyone on site', null, '2019-03-04 08:00:00', '2021-05-03 08:00:00'),
  (20, 'Finance',          null, '2020-09-01 08:00:00', '2021-01-11 08:00:00'),
  (30, 'Fire wardens',     null, '2022-01-10 08:00:00', '2022-01-10 08:00:00');

insert into team_person (team_no, person_no) values
  (10, 1001), (10, 1002), (10, 1005), (10, 1007),
  (20, 1003), (20, 1004),
  (30, 1001);
