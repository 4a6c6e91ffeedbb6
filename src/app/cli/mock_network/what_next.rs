//! What `mock-network` says once it goes on running: where everybody is, and what to try.

use super::Network;
use super::listeners::of_cancel_command;
use crate::app::server::Server;
use crate::http::consultations::PATH;

impl Network {
    /// Prints addresses and commands.
    pub(super) fn print_what_next(&self) {
        let Server {
            public_address,
            admin_address,
            ..
        } = &self.server;
        let token = self.directory.path().join("admin.token");
        let registry = self.registry.url.as_str().trim_end_matches('/');
        let listen = of_cancel_command(*public_address);
        println!("\n=== running; Ctrl-C ends it\n");
        println!("networks    http://{public_address}");
        println!("admin       http://{admin_address}");
        println!("registry    {registry}");
        println!("BAP         {}", self.bap.url);
        println!("health      http://{public_address}/uhi");
        println!("partners    http://{public_address}{PATH}");
        println!("bookings    http://{public_address}/v1/bookings");
        println!("API key     in {}", self.spa.key_file.display());
        println!("ONDC        http://{public_address}/ondc");
        println!("files       {}", self.directory.path().display());
        println!("\nTry next, in another terminal:\n");
        println!("  beckn-bpp cancel O3 --reason 001 --to http://{public_address} \\");
        println!("      --registry {registry} --listen {listen}");
        println!(
            "  beckn-bpp order show O1 --admin http://{admin_address} --token-file {}",
            token.display()
        );
        println!(
            "  curl -H \"Authorization: Bearer $(cat {})\" \\",
            token.display()
        );
        println!("      'http://{admin_address}/events?after=0'");
        println!("\nOrders to cancel: O3 (50 rupees), O2 (started: refused), and trip_2 with");
        println!("  --core-version 0.9.1 --domain mobility");
    }
}
