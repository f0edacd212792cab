//! Who enters and who stays, as made-up policies have it. What is asked does not matter to them,
//! only of whom: then whoever is in has been admitted, whenever that was.

use wardroom_domain::{Denial, Generation, RequestFacts};

use super::{Digest, Policies, Policy};

impl Policies {
    /// All must admit; the first denial counts.
    pub(crate) fn admits(
        &self,
        generation: Generation,
        request: &RequestFacts,
        digest: Digest,
    ) -> Result<(), Denial> {
        let policies = self.of(generation);
        for policy in policies.into_iter().filter(|p| p.admission) {
            self.admits_one(policy, request, digest)?;
        }
        Ok(())
    }

    fn admits_one(
        &self,
        policy: Policy,
        request: &RequestFacts,
        digest: Digest,
    ) -> Result<(), Denial> {
        let RequestFacts {
            subject,
            claims,
            remote_address,
            reevaluation: _,
        } = request;
        let facts = (subject, claims, remote_address);
        let opinion = self.opinion(policy, "admission", &facts, digest);
        if opinion.is_multiple_of(13) {
            let failed = Err(policy.denial("policy-failed", opinion));
            return if policy.fails_open { Ok(()) } else { failed };
        }
        let about = format!("strict {}", policy.place);
        let mut random = self.random(policy.generation, &about, &[]);
        let strict = random.below(6);
        let user = random.pick(&self.cast.users);
        let role = random.pick(&self.cast.roles);
        let denied = match strict {
            0 => subject.user == *user,
            1 => subject.role.as_ref() == Some(role),
            2 => subject.attributes.text.as_str().contains("red"),
            3 => claims.as_str() == "{}",
            4 => remote_address.is_none(),
            _ => opinion.is_multiple_of(7),
        };
        if denied {
            return Err(policy.denial("not-admitted", opinion));
        }
        Ok(())
    }
}
