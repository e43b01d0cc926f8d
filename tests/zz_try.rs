//! try
#[test]
fn t() {
    for p in ["mappings/jupyterhub.yaml", "examples/quickstart/mapping.yaml", "benches/acme.yaml"] {
        match portolan::mapping::load(std::path::Path::new(p), &portolan::mapping::vars::Vars::Open) {
            Ok((m, w)) => println!("{p} ok {} {}", m.resources.len(), w.render(false)),
            Err(d) => println!("{}", d.render(false)),
        }
    }
}
