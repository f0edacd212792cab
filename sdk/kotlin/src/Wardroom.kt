// The interface `wardroom:policy@1.0.0` for Kotlin. The WIT in `wit/deps/wardroom-policy` says what each
// item means. What a hook is handed is of no use after it has answered: keep values and not objects.

package wardroom

/** What a policy decides: an object that implements some of the interfaces below. */
interface Policy

interface Lifecycle : Policy {
    /** Reads the settings, a JSON object. The message of what it throws is what the operator reads. */
    fun configure(settings: String)
}

interface Admission : Policy {
    /** Lets somebody into a workspace, or throws [Denied]. */
    fun admit(request: Request)
}

interface ChannelVisibility : Policy {
    fun audience(channel: Channel): Rule

    /** Asked after [Rule.Each]: whether each of them sees the channel, in their order. */
    fun decide(channel: Channel, subjects: List<Subject>): List<Boolean>
}

interface Commands : Policy {
    /** Allows a command, with a JSON object for the acknowledgement or null, or throws [Denied]. */
    fun authorize(command: Command): String?
}

interface Events : Policy {
    fun render(event: Event): Rendering
}

/** Why something is refused: [code] for programs, the message for the person. */
class Denied(val code: String, override val message: String) : Exception(message)

/** A fact about one person, which the server tests natively. */
sealed interface Test {
    data class Users(val ids: List<String>) : Test
    data class Roles(val roles: List<String>) : Test
    data object ChannelMember : Test
    data class Attribute(val name: String, val value: String) : Test
}

/** Matches when every test of [all] holds and none of [none] does. */
data class Clause(val all: List<Test> = emptyList(), val none: List<Test> = emptyList())

/** The people whom any of the clauses matches. */
data class Selector(val any: List<Clause>) {
    constructor(vararg any: Clause) : this(any.toList())
}

/** Which people see a channel. */
sealed interface Rule {
    data object Everyone : Rule
    data object Nobody : Rule
    data class Only(val selector: Selector) : Rule
    data class Except(val selector: Selector) : Rule

    /** No rule describes them: ask `decide` about each person. */
    data object Each : Rule
}

/** One form of an event for some of its audience; [payload] is a JSON text. */
data class Rendition(val to: Selector, val payload: String)

/** What becomes of an event. */
sealed interface Rendering {
    data object Unchanged : Rendering

    /** All get this JSON text instead. */
    data class Replaced(val payload: String) : Rendering
    data object Suppressed : Rendering

    /** Each person gets the first rendition whose selector matches them. */
    data class Split(val renditions: List<Rendition>) : Rendering
}

/** A person in a workspace. */
external interface Subject {
    fun id(): String
    fun role(): String?
    fun attribute(name: String): String?

    /** All attributes, a JSON object. */
    fun attributes(): String
    fun isMemberOf(channel: Channel): Boolean
}

/** A channel of a workspace. */
external interface Channel {
    fun id(): String
    fun isPrivate(): Boolean
    fun hasMember(user: String): Boolean
    fun memberCount(): Int
    fun members(): Array<String>
    fun attribute(name: String): String?

    /** All attributes, a JSON object. */
    fun attributes(): String
}

/** Somebody asks to enter a workspace, or is in it and asked about again. */
external interface Request {
    fun subject(): Subject

    /** The claims of the verified token, a JSON object. */
    fun claims(): String
    fun remoteAddress(): String?
    fun isReevaluation(): Boolean
}

/** A client's command before it is carried out. */
external interface Command {
    fun name(): String

    /** Its fields, a JSON object. */
    fun arguments(): String
    fun subject(): Subject
    fun channel(): Channel?
}

/** An event before it is committed to the log of its workspace. */
external interface Event {
    fun name(): String

    /** Its data, a JSON object, as the policies before this one left it. */
    fun payload(): String
    fun subject(): Subject?
    fun channel(): Channel?
}
