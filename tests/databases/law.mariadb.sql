-- One column of each kind that MariaDB compares in a way of its own.

create table person (
  id int primary key,
  login varchar(200) collate utf8mb4_general_ci,
  ext varchar(200) collate utf8mb4_bin,
  given varchar(200) collate utf8mb4_turkish_ci,
  family char(12) collate utf8mb4_unicode_ci,
  nick text collate utf8mb4_uca1400_ai_ci,
  number int,
  status tinyint,
  kind varchar(20) collate utf8mb4_german2_ci,
  logins bigint,
  score decimal(12, 3),
  seen bigint,
  made datetime(6),
  locked varchar(20),
  phone text collate utf8mb4_unicode_520_ci,
  mobile varchar(200) collate utf8mb4_nopad_bin,
  realm varchar(200) collate utf8mb4_spanish_ci,
  cost varchar(200) collate utf8mb4_general_ci,
  gone bit(1)
) character set utf8mb4;
create table email (
  id bigint unsigned primary key auto_increment,
  person_id int,
  addr varchar(200) collate utf8mb4_general_ci,
  kind varchar(200) collate utf8mb4_unicode_ci,
  main tinyint(1),
  hidden tinyint
) character set utf8mb4;
create table team (
  code varchar(200) collate utf8mb4_bin primary key,
  name varchar(200) collate utf8mb4_swedish_ci,
  gone varchar(40)
) character set utf8mb4;
create table in_team (team_code varchar(200), person_id bigint, `by` varchar(40)) character set utf8mb4;
