//! The gateway at its door: a SCIM request in, a SCIM answer out, with a real app behind it and no socket in front.
//! What goes through a database does so on the engine that `PORTOLAN_TEST_ENGINE` names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod acts;
mod beside;
mod bookmarks;
mod boundaries;
mod bulk;
mod cells;
mod costs;
mod cursor;
#[path = "../common/database.rs"]
mod database;
mod door;
mod easy_app;
mod existing;
mod faults;
mod half_way;
mod hostile;
mod keys;
mod lists;
mod lists_whole;
mod model;
mod odd_app;
mod own_types;
mod passwords;
mod places;
mod protect;
mod quotes;
mod references;
mod rest_batches;
mod rest_bodies;
mod rest_codecs;
mod rest_details;
mod rest_encoders;
mod rest_faults;
mod rest_kept;
mod rest_languages;
mod rest_lists;
mod rest_pace;
mod rest_pages;
mod rest_probe;
mod rest_reads;
mod rest_rules;
mod rest_sign_in;
mod rest_steps;
mod rest_whole;
mod rest_writes;
mod roles;
mod row_version;
mod rows;
mod slots;
mod sort;
mod tenants;
mod unions;
mod version;
mod watch;
