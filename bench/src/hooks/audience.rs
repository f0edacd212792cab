//! What it takes to find out which of ten thousand people who are connected see a channel, from the change of the
//! channel to the decision, by a rule and by asking about each. Knows nothing of stores and sockets.

use anyhow::{anyhow, bail, ensure};
use wardroom::policy::{PolicySet, PolicySource};
use wardroom_domain::{
    Answers, Ask, ChannelId, ChannelSpec, Command, Context, Json, MemberSpec, Question, Reply,
    SocketId, SubjectFacts, Timestamp, Truth, Undecided, UserId, View, decide,
};

use super::Bench;
use super::questions::{self, Place, subject};

/// The people of the workspace.
const PEOPLE: usize = 10_000;
/// Subjects in one question that the server puts at once.
const SUBJECTS_PER_CALL: usize = wardroom::limits::MAX_SUBJECTS_PER_CALL;

impl Bench {
    pub(super) fn audience(&mut self) -> anyhow::Result<()> {
        let by_members = self.plugin("private-channels", questions::MEMBERS)?;
        self.visible("visible.members", by_members)?;
        let by_roles = self.plugin("private-channels", questions::MEMBERS_AND_ROLES)?;
        self.visible("visible.roles", by_roles)?;
        self.visible("visible.each", self.guest("each"))?;
        self.people()
    }

    /// A channel changes again and again, and each time it is settled who sees it.
    fn visible(&mut self, name: &str, policy: PolicySource) -> anyhow::Result<()> {
        let set = self.load(vec![policy])?.current();
        let mut here = Directory::of_many(&set)?;
        let (red, other) = (channel_of("red")?, channel_of("green")?);
        let mut even = false;
        self.time(name, || {
            even = !even;
            let questions = here.run(&set, if even { &red } else { &other })?;
            ensure!(questions > 0, "nothing was asked");
            Ok(())
        })?;
        here.run(&set, &red)?;
        let again = here.run(&set, &red)?;
        let asked = self.outcome.numbers.entry("visible.again".to_owned());
        *asked.or_default() += again as f64;
        ensure!(here.seen_by_some(), "everybody or nobody sees the channel");
        Ok(())
    }

    /// Asks about each of the people without anything around it.
    fn people(&mut self) -> anyhow::Result<()> {
        let set = self.load(vec![self.guest("each")])?.current();
        let (place, channel) = (Place::empty()?, questions::channel()?);
        let people: Vec<SubjectFacts> = (0..PEOPLE).map(subject).collect::<Result<_, _>>()?;
        let timing = super::timing::series(self.part(super::SERIES), || {
            for batch in people.chunks(SUBJECTS_PER_CALL) {
                let answers = set.decide(place.asking(), 0, &channel, batch);
                ensure!(answers.contains(&true), "nobody sees the channel");
            }
            Ok(())
        })?;
        self.put_timing("decide", timing.each_of(PEOPLE));
        Ok(())
    }
}

/// The private channel with this team.
fn channel_of(team: &str) -> anyhow::Result<Command> {
    let facts = questions::channel()?;
    Ok(Command::PutChannel {
        channel: facts.id,
        spec: ChannelSpec {
            private: Some(true),
            members: Some(facts.members),
            attributes: Some(questions::team_of(team)),
        },
    })
}

fn arrival(user: UserId) -> anyhow::Result<Command> {
    let socket = SocketId::new(user.as_str()).map_err(|error| anyhow!("{error}"))?;
    Ok(Command::Connect {
        socket,
        user,
        status: None,
        role: None,
        named_by_token: false,
        replaces: None,
        claims: Json::from_canonical("{}"),
        remote_address: None,
    })
}

/// A workspace whose decisions are made as in a server, but for the store.
struct Directory {
    place: Place,
    channel: ChannelId,
}

impl Directory {
    /// One with ten thousand members, all of them connected.
    fn of_many(set: &PolicySet) -> anyhow::Result<Self> {
        let mut truth = Truth::default();
        for number in 0..PEOPLE {
            let facts = subject(number)?;
            let profile = Json::from_canonical(&format!(r#"{{"id":"{}"}}"#, facts.user.as_str()));
            let spec = MemberSpec {
                profile: Some(profile.clone()),
                role: Some(facts.role),
                attributes: Some(facts.attributes),
            };
            truth.members.insert(facts.user, (spec, profile));
        }
        let mut here = Self {
            place: Place::empty()?,
            channel: questions::channel()?.id,
        };
        let users: Vec<UserId> = truth.members.keys().cloned().collect();
        here.run(set, &Command::Sync { truth, quiet: true })?;
        for user in users {
            here.run(set, &arrival(user)?)?;
        }
        Ok(here)
    }

    /// Carries out a command; returns how many questions were put.
    fn run(&mut self, set: &PolicySet, command: &Command) -> anyhow::Result<usize> {
        let Some(generation) = set.generation() else {
            bail!("no policy is loaded");
        };
        let mut answers = Answers::new(generation, set.hooks());
        let mut asked = 0;
        loop {
            let context = Context {
                now: Timestamp(0),
                policies: Some(&answers),
            };
            match decide(&self.place.state, command, &context) {
                Ok(decision) => {
                    let changed = decision.reply != Reply::Unchanged;
                    ensure!(changed || asked == 0, "asked for nothing");
                    self.place.state = decision.next;
                    return Ok(asked);
                }
                Err(Undecided::Ask(ask)) => asked += self.answer(set, &mut answers, *ask)?,
                Err(undecided) => bail!("{undecided:?}"),
            }
        }
    }

    fn answer(&self, set: &PolicySet, answers: &mut Answers, ask: Ask) -> anyhow::Result<usize> {
        answers.on_revision(ask.revision);
        let count = ask.questions.len();
        for question in ask.questions {
            match question {
                Question::Audience(channel) => {
                    let rules = set.audience(self.place.asking(), &channel);
                    answers.answer_rules(channel, rules);
                }
                Question::Subjects {
                    channel,
                    policy,
                    subjects,
                } => {
                    let mut allowed = Vec::with_capacity(subjects.len());
                    for batch in subjects.chunks(SUBJECTS_PER_CALL) {
                        allowed.extend(set.decide(self.place.asking(), policy, &channel, batch));
                    }
                    answers.answer_subjects(&channel, policy, subjects, allowed);
                }
                other => bail!("not a question of visibility: {other:?}"),
            }
        }
        Ok(count)
    }

    fn seen_by_some(&self) -> bool {
        let channel = self.place.state.channels().get(&self.channel);
        channel.is_some_and(|channel| match &channel.view {
            View::Users(users) => !users.is_empty() && users.len() < PEOPLE,
            View::Everyone => false,
        })
    }
}
