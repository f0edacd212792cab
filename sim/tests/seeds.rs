//! Many short simulations: what a rule breaks by chance, one of these seeds finds. More of them:
//! `cargo xtask sim`.

use std::thread;

use wardroom_sim::Summary;

const SEEDS: u64 = 200;
const STEPS: u64 = 300;

#[test]
fn many_seeds_find_nothing_wrong() {
    let halves = [0..SEEDS / 2, SEEDS / 2..SEEDS];
    let played: Vec<Summary> = thread::scope(|scope| {
        let runs = halves.map(|seeds| scope.spawn(move || seeds.map(played).collect::<Vec<_>>()));
        let runs = runs.map(|run| run.join().expect("no seed fails"));
        runs.into_iter().flatten().collect()
    });
    let sum = |of: fn(&Summary) -> u64| played.iter().map(of).sum::<u64>();
    // A simulation whose commands are refused proves nothing, nor does one in which the policies
    // have no say.
    let accepted = sum(|s| s.accepted);
    assert!(
        accepted > SEEDS * STEPS / 2,
        "{accepted} commands carried out"
    );
    for (what, count) in [
        ("commands denied", sum(|s| s.denied)),
        ("commands granted something", sum(|s| s.granted)),
        ("connections put out", sum(|s| s.put_out)),
        ("workspaces settled", sum(|s| s.settled)),
        ("deliveries reshaped", sum(|s| s.reshaped)),
        ("deliveries withheld", sum(|s| s.withheld)),
        ("commands overtaken", sum(|s| s.overtaken)),
        ("transports lost in a rush", sum(|s| s.lost)),
    ] {
        assert!(count > SEEDS, "{count} {what}");
    }
}

fn played(seed: u64) -> Summary {
    match wardroom_sim::run(seed, STEPS) {
        Ok(summary) => summary,
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn one_seed_plays_the_same_again() {
    assert_eq!(wardroom_sim::run(7, STEPS), wardroom_sim::run(7, STEPS));
}
