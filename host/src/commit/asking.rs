//! Puts the questions of a decision to the policies and takes down what they answer. It must not
//! know why something is asked.

use std::time::Instant;

use wardroom_domain::{Answers, Ask, Question, WorkspaceId};

use super::{Asking, PolicySet};
use crate::limits::{ASKING_TURN, MAX_SUBJECTS_PER_CALL};

/// Puts questions to the policies. Now and then it lets other work run, so that many questions, or one
/// about a large workspace, do not hold up a thread; not after each, for they are answered in
/// microseconds, and where there is much other work each time costs a wait for all of it.
pub(super) async fn answer(
    policies: &dyn PolicySet,
    answers: &mut Answers,
    workspace: &WorkspaceId,
    ask: Ask,
) {
    let Ask {
        questions,
        state,
        revision,
    } = ask;
    answers.on_revision(revision);
    let asking = Asking {
        workspace,
        state: &state,
    };
    let mut turn = Instant::now();
    for question in questions {
        match question {
            Question::Audience(channel) => {
                let rules = policies.audience(asking, &channel);
                answers.answer_rules(channel, rules);
            }
            Question::Subjects {
                channel,
                policy,
                subjects,
            } => {
                let mut allowed = Vec::with_capacity(subjects.len());
                for batch in subjects.chunks(MAX_SUBJECTS_PER_CALL) {
                    let end = allowed.len() + batch.len();
                    allowed.extend(policies.decide(asking, policy, &channel, batch));
                    // Whom there is no answer about may not see the channel.
                    allowed.resize(end, false);
                    take_turns(&mut turn).await;
                }
                answers.answer_subjects(&channel, policy, subjects, allowed);
            }
            Question::Admit(request) => {
                let answer = policies.admit(asking, &request);
                answers.answer_admission(request, answer);
            }
            Question::Authorize(command) => {
                let verdict = policies.authorize(asking, &command);
                answers.answer_authorization(command, verdict);
            }
            Question::Render(facts) => {
                let renditions = policies.render(asking, &facts);
                answers.answer_rendering(facts, renditions);
            }
        }
        take_turns(&mut turn).await;
    }
}

/// Lets other work run if this has gone on for long enough.
async fn take_turns(turn: &mut Instant) {
    if turn.elapsed() >= ASKING_TURN {
        tokio::task::yield_now().await;
        *turn = Instant::now();
    }
}
