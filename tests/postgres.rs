//! Worlds into a PostgreSQL server of the test's own: in builds with `postgres`, where the server's programs are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::util::Dir;

/// A server on a socket in a folder; it ends with the test.
struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
}

impl Server {
    /// The newest installed server, started; none if there is none.
    fn start() -> Option<Server> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let programs =
            versions.filter_map(|v| Some(v.ok()?.path().join("bin"))).filter(|p| p.join("initdb").exists()).max()?;
        // A socket's path must be short.
        let server = Server { programs, folder: tempfile::tempdir_in("/tmp").ok()? };
        let folder = server.folder.path();
        // The server refuses to run as root; Debian makes a user for it.
        let own = Command::new("chown").arg("postgres").arg(folder).status();
        if as_root() && !own.is_ok_and(|s| s.success()) {
            return None;
        }
        let data = folder.join("data").display().to_string();
        server.run("initdb", &["-D", &data, "-A", "trust", "-U", "postgres", "--no-sync"]);
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off", folder.display());
        let log = folder.join("log").display().to_string();
        server.run("pg_ctl", &["-D", &data, "-l", &log, "-o", &options, "-w", "start"]);
        Some(server)
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let program = self.programs.join(program);
        let mut command = match as_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        let out = command.args(args).current_dir(self.folder.path()).output().unwrap();
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn query(&self, sql: &str) -> String {
        let folder = self.folder.path().display().to_string();
        self.run("psql", &["-h", &folder, "-U", "postgres", "-At", "-c", sql, "postgres"]).trim().to_owned()
    }

    fn address(&self) -> String {
        format!("postgresql:///postgres?host={}&user=postgres", self.folder.path().display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.folder.path().join("data").display().to_string();
        self.run("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    }
}

fn as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|m| m.uid() == 0)
}

#[test]
fn a_server_takes_tables_with_their_keys() {
    let name = "a_server_takes_tables_with_their_keys";
    if !cfg!(feature = "postgres") {
        let said = Dir::new().run(&["generate", "shop", "-o", "postgresql://nobody@localhost/none"]).fails(1).stderr;
        assert!(said.contains("--features postgres"), "{said}");
        eprintln!("skipped: {name} (needs --features postgres)");
        return;
    }
    let Some(server) = Server::start() else {
        assert!(std::env::var_os("VERISIM_NEED_POSTGRES").is_none(), "{name}: there is no server");
        eprintln!("skipped: {name} (needs a PostgreSQL server's programs)");
        return;
    };
    let dir = Dir::new();
    let address = server.address();
    dir.run(&["generate", "shop", "-n", "400", "-o", &address]).ok();
    dir.run(&["generate", "shop", "-n", "400", "-o", "files"]).ok();
    for table in ["customers", "orders", "lines", "returns", "products"] {
        let rows = dir.text(&format!("files/{table}.csv")).lines().count() - 1;
        assert_eq!(server.query(&format!("SELECT count(*) FROM {table}")), rows.to_string(), "{table}");
    }
    let sums = server.query("SELECT count(*) FROM orders o WHERE abs(total - (SELECT sum(amount) FROM lines WHERE order_id = o.id)) > 0.005");
    assert_eq!(sums, "0");
    let keys =
        server.query("SELECT count(*) FROM information_schema.table_constraints WHERE constraint_type = 'FOREIGN KEY'");
    assert!(keys.parse::<u32>().unwrap() >= 3, "{keys}");
    // A second time the tables are there already: nothing changes.
    let said = dir.run(&["generate", "shop", "-n", "10", "-o", &address]).fails(1).stderr;
    assert!(said.contains("already exists"), "{said}");
    assert_eq!(server.query("SELECT count(*) FROM customers"), "400");
}
