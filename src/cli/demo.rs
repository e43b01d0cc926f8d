//! `portolan demo`: the quickstart's very files, unpacked into a data folder, and the gateway over them.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::config::Overrides;

use super::{FAILED, FAULT, files, screen, serve};

const CONFIG: &str = include_str!("../../examples/quickstart/portolan.yaml");
const MAPPING: &str = include_str!("../../examples/quickstart/mapping.yaml");
const SCRIPT: &str = include_str!("../../examples/quickstart/hr.sql");

/// Makes what is missing in the data folder, then serves it. What is there is kept: edit the mapping and start again.
pub(super) fn demo(listen: String, data: &Path) -> ExitCode {
    let data = match unpack(data) {
        Ok(data) => data,
        Err(message) => {
            screen::note(&format!("error: {message}"));
            return ExitCode::from(FAILED);
        }
    };
    let overrides = Overrides { listen: Some(listen), ..Overrides::default() };
    let config = match files::load_config(&data.join("portolan.yaml"), &overrides, &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(faults) => {
            screen::report(&faults);
            return ExitCode::from(FAULT);
        }
    };
    let base = config.base_url();
    serve::run(&config, move |_| welcome(&base, &data))
}

fn unpack(data: &Path) -> Result<PathBuf, String> {
    let in_data = |what: &str, cause: &dyn std::fmt::Display| format!("{what} {}: {cause}", data.display());
    fs::create_dir_all(data).map_err(|e| in_data("cannot make the folder", &e))?;
    let data = data.canonicalize().map_err(|e| in_data("cannot find the folder", &e))?;
    for (name, text) in [("portolan.yaml", CONFIG), ("mapping.yaml", MAPPING), ("hr.sql", SCRIPT)] {
        let path = data.join(name);
        let written =
            fs::File::create_new(&path).and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()));
        match written {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                return Err(format!("cannot write {}: {e}", path.display()));
            }
            _ => {}
        }
    }
    Ok(data)
}

fn welcome(base: &str, data: &Path) {
    let auth = "-H 'Authorization: Bearer demo'";
    let json = "-H 'Content-Type: application/scim+json'";
    screen::note(&format!(
        r#"
Portolan speaks SCIM at {base}, over a small old HR database.
  database  {data}/hr.sqlite     an app's own tables; look at them with any SQLite tool
  mapping   {data}/mapping.yaml  all that makes them SCIM; edit it and start again
  tokens    demo (forgiving, as identity providers need it), demo-strict (the RFC to the letter)

Try, in another terminal:
  find      curl -sG {auth} {base}/Users --data-urlencode 'filter=userName sw "a" and active eq true'
  create    curl -s {auth} {json} {base}/Users -d '{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"new.hire","name":{{"givenName":"New","familyName":"Hire"}},"emails":[{{"value":"new.hire@example.com","type":"work","primary":true}}],"active":true}}'
  disable   curl -s {auth} {json} -X PATCH {base}/Users/1001 -d '{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"replace","path":"active","value":false}}]}}'
  add to    curl -si {auth} {json} -X PATCH {base}/Groups/10 -d '{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"add","path":"members","value":[{{"value":"1001"}}]}}]}}'
  look      curl -s {auth} {base}/Groups/10

Stop with Ctrl-C; the data stays."#,
        data = data.display(),
    ));
}
