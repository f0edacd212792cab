// House rules: who enters, who sees which channel, who gets contact data, and when a channel is open.
// `Settings.kt` says what the settings mean. Nothing is remembered between calls but them.

package policy

import kotlin.js.Date
import kotlin.js.Json
import wardroom.Admission
import wardroom.Channel
import wardroom.ChannelVisibility
import wardroom.Clause
import wardroom.Command
import wardroom.Commands
import wardroom.Denied
import wardroom.Event
import wardroom.Events
import wardroom.Lifecycle
import wardroom.Policy
import wardroom.Rendering
import wardroom.Rendition
import wardroom.Request
import wardroom.Rule
import wardroom.Selector
import wardroom.Subject
import wardroom.Test

private val CONTACT = listOf("email", "phone")

/** Higher than any level, so that nobody has it. */
private const val NO_LEVEL = 1_000_000_000

/** What the server asks. */
val policy: Policy = object : Lifecycle, Admission, ChannelVisibility, Commands, Events {
    private var current = Settings()

    override fun configure(settings: String) {
        current = Settings.parse(settings)
    }

    override fun admit(request: Request) {
        // Asked when somebody comes, and again when what is known of them changes.
        if (request.subject().attribute("suspended") != "true") return
        throw Denied("suspended", "You are suspended; ask an administrator.")
    }

    override fun audience(channel: Channel): Rule {
        // No selector compares numbers, so that the server has to ask `decide`.
        if (channel.attribute("level") != null) return Rule.Each
        val region = channel.attribute("region") ?: return Rule.Everyone
        return Rule.Only(
            Selector(
                Clause(all = listOf(Test.Attribute("region", region))),
                Clause(all = listOf(Test.Roles(current.allRegionsRoles))),
            ),
        )
    }

    override fun decide(channel: Channel, subjects: List<Subject>): List<Boolean> {
        val least = channel.attribute("level")?.let { wholeNumber(it) ?: NO_LEVEL } ?: 0
        val region = channel.attribute("region")
        return subjects.map { levelOf(it) >= least && isInRegion(it, region) }
    }

    override fun authorize(command: Command): String? {
        val channel = command.channel()?.takeIf { command.name() == "select-channel" } ?: return null
        val hours = channel.attribute("region")?.let { current.regions[it] } ?: return null
        if (hours.areOpenAt(Date())) return """{"openUntil":${hours.to}}"""
        val subject = command.subject()
        if (subject.role() in current.anyHourRoles || subject.isMemberOf(channel)) return null
        val zone = "UTC${if (hours.utcOffset < 0) "" else "+"}${hours.utcOffset}"
        val message = "${channel.id()} is open from ${hours.from} to ${hours.to} ($zone)"
        throw Denied("outside-working-hours", message)
    }

    override fun render(event: Event): Rendering {
        val hides = event.name() == "user-joined" || event.name() == "user-updated"
        if (!hides || current.hiddenFrom.isEmpty()) return Rendering.Unchanged
        val payload = event.payload()
        val redacted = JSON.parse<Json>(payload)
        val user = redacted["user"]?.unsafeCast<Json>() ?: return Rendering.Unchanged
        if (CONTACT.none { user[it] !== undefined }) return Rendering.Unchanged
        CONTACT.forEach { user.remove(it) }
        // People see their own contact data whatever their role.
        val maySee = mutableListOf(Clause(none = listOf(Test.Roles(current.hiddenFrom))))
        event.subject()?.let { maySee += Clause(all = listOf(Test.Users(listOf(it.id())))) }
        return Rendering.Split(
            listOf(
                Rendition(Selector(maySee), payload),
                Rendition(Selector(Clause()), JSON.stringify(redacted)),
            ),
        )
    }

    private fun isInRegion(subject: Subject, region: String?): Boolean =
        region == null || subject.attribute("region") == region || subject.role() in current.allRegionsRoles
}

/** The level that somebody has; who has none that makes sense has the lowest. */
private fun levelOf(subject: Subject): Int = subject.attribute("level")?.let { wholeNumber(it) } ?: 0

/** A number of up to nine digits and nothing else. */
private fun wholeNumber(text: String): Int? =
    text.takeIf { it.length in 1..9 && it.all { digit -> digit in '0'..'9' } }?.toInt()

@Suppress("UNUSED_PARAMETER")
private fun Json.remove(name: String) {
    val self = this
    js("delete self[name]")
}
