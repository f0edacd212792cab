//! What it costs that policies render every event: the same profile updates to the same people, by a
//! server with none, one or four policies that each hide a field from all but two roles.

use std::rc::Rc;

use serde_json::json;

use super::{Bench, PACED_PER_SECOND, PACED_ROOMS_PER_SECOND, ROOM_WINDOWS, WINDOWS};
use crate::fleet::Shape;
use crate::hub::Hub;
use crate::privacy::{Check, role};
use crate::publisher::{Publishers, Way};

/// One audience that is large, where handing out weighs most.
const LARGE: Shape = Shape {
    workspaces: 1,
    members: 1_000,
    prefix: "",
};
/// Many that are small, where rendering does.
const SMALL: Shape = Shape {
    workspaces: 100,
    members: 10,
    prefix: "s",
};

impl Bench {
    pub(super) async fn renditions(&mut self) -> anyhow::Result<()> {
        let (large, small) = (PACED_PER_SECOND, PACED_ROOMS_PER_SECOND);
        self.rendered("large", LARGE, large, &WINDOWS).await?;
        self.rendered("small", SMALL, small, &ROOM_WINDOWS).await
    }

    async fn rendered(
        &mut self,
        name: &str,
        shape: Shape,
        per_second: f64,
        windows: &[u64],
    ) -> anyhow::Result<()> {
        let member = |socket| json!({ "role": role(socket) });
        self.fill_with(shape, member, &json!({})).await?;
        let hub = Rc::new(Hub::new(shape.sockets()));
        let check = Rc::new(Check::new(self.subject.renderers));
        let observer = Rc::clone(&check);
        hub.observed_by(observer);
        let fleet = self.connect(shape, "offline", &hub).await?;
        let mut publishers = Publishers::open(Way::Profile, &self.api, &fleet, shape, &hub).await?;
        let members = shape.members as f64;
        let paced = format!("{name}.paced");
        self.paced(&paced, &hub, &mut publishers, per_second / members)
            .await?;
        self.fast(name, &hub, &mut publishers, windows).await?;
        for window in windows {
            let window = format!("{name}.window{window}");
            if let Some(rate) = self.outcome.numbers.get(&format!("{window}.rate")).copied() {
                self.outcome.put(format!("{window}.events"), rate / members);
            }
        }
        self.outcome
            .put(format!("{name}.receivers"), shape.sockets() as f64);
        self.outcome
            .put(format!("{name}.right"), check.right() as f64);
        self.outcome
            .put(format!("{name}.wrong"), check.wrong() as f64);
        self.note(&hub);
        fleet.close().await;
        Ok(())
    }
}
