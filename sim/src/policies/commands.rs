//! What clients may do, and what they are granted with it, as made-up policies have it.

use wardroom_domain::{CommandFacts, Generation, Json, Verdict};

use super::{Digest, Policies};

impl Policies {
    /// All must allow; what each of them grants is in the order of the policies.
    pub(crate) fn verdict(
        &self,
        generation: Generation,
        facts: &CommandFacts,
        digest: Digest,
    ) -> Verdict {
        let mut grants = Vec::new();
        let policies = self.of(generation);
        for policy in policies.into_iter().filter(|p| p.commands) {
            let opinion = self.opinion(policy, "commands", facts, digest);
            match opinion % 10 {
                0 if policy.fails_open => {}
                0 => return Verdict::Denied(policy.denial("policy-failed", opinion)),
                1 => return Verdict::Denied(policy.denial("not-allowed", opinion)),
                2..=5 => grants.push(format!(r#""g{}":"secret-{opinion:x}""#, policy.place)),
                _ => {}
            }
        }
        let grant = format!("{{{}}}", grants.join(","));
        Verdict::Allowed((!grants.is_empty()).then(|| Json::from_canonical(&grant)))
    }
}
