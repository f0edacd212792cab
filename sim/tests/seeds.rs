//! Many short simulations: what a rule breaks by chance, one of these seeds finds. More of them:
//! `cargo xtask sim`.

use std::thread;

const SEEDS: u64 = 200;
const STEPS: u64 = 300;

#[test]
fn many_seeds_find_nothing_wrong() {
    let halves = [0..SEEDS / 2, SEEDS / 2..SEEDS];
    let accepted: u64 = thread::scope(|scope| {
        let runs = halves.map(|seeds| scope.spawn(move || seeds.map(accepted).sum::<u64>()));
        runs.map(|run| run.join().expect("no seed fails"))
            .iter()
            .sum()
    });
    // A simulation whose commands are refused proves nothing.
    assert!(
        accepted > SEEDS * STEPS / 2,
        "{accepted} commands carried out"
    );
}

fn accepted(seed: u64) -> u64 {
    match wardroom_sim::run(seed, STEPS) {
        Ok(summary) => summary.accepted,
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn one_seed_plays_the_same_again() {
    assert_eq!(wardroom_sim::run(7, STEPS), wardroom_sim::run(7, STEPS));
}
