// What `policy.js` calls: the hooks of the policy, with answers as the component's JavaScript has them.

@file:OptIn(ExperimentalJsExport::class)

package wardroom

import policy.policy

@JsExport
fun has(hook: String): Boolean = when (hook) {
    "lifecycle" -> policy is Lifecycle
    "admission" -> policy is Admission
    "channelVisibility" -> policy is ChannelVisibility
    "commands" -> policy is Commands
    else -> policy is Events
}

@JsExport
fun configure(settings: String) = (policy as Lifecycle).configure(settings)

@JsExport
fun admit(request: Request) = denying { (policy as Admission).admit(request) }

@JsExport
fun audience(channel: Channel): dynamic = rule((policy as ChannelVisibility).audience(channel))

@JsExport
fun decide(channel: Channel, subjects: Array<Subject>): Array<Boolean> =
    (policy as ChannelVisibility).decide(channel, subjects.asList()).toTypedArray()

@JsExport
fun authorize(command: Command): String? = denying { (policy as Commands).authorize(command) }

@JsExport
fun render(event: Event): dynamic = rendering((policy as Events).render(event))

private fun rule(rule: Rule): dynamic = when (rule) {
    Rule.Everyone -> variant("everyone")
    Rule.Nobody -> variant("nobody")
    is Rule.Only -> variant("only", selector(rule.selector))
    is Rule.Except -> variant("except", selector(rule.selector))
    Rule.Each -> variant("each")
}

private fun rendering(rendering: Rendering): dynamic = when (rendering) {
    Rendering.Unchanged -> variant("unchanged")
    is Rendering.Replaced -> variant("replaced", rendering.payload)
    Rendering.Suppressed -> variant("suppressed")
    is Rendering.Split -> variant("split", list(rendering.renditions, ::rendition))
}

private inline fun <T> denying(hook: () -> T): T = try {
    hook()
} catch (denied: Denied) {
    val denial = record()
    denial.code = denied.code
    denial.message = denied.message
    refuse(denial)
    throw denied
}

/** Throws what is no exception of Kotlin. */
private fun refuse(denial: dynamic) {
    js("throw denial")
}

private fun record(): dynamic = js("({})")

private fun variant(tag: String, value: dynamic = undefined): dynamic {
    val variant = record()
    variant.tag = tag
    variant.`val` = value
    return variant
}

private fun <T> list(items: List<T>, form: (T) -> dynamic): dynamic = items.map(form).toTypedArray()

private fun rendition(rendition: Rendition): dynamic {
    val record = record()
    record.to = selector(rendition.to)
    record.payload = rendition.payload
    return record
}

private fun selector(selector: Selector): dynamic {
    val record = record()
    record.any = list(selector.any, ::clause)
    return record
}

private fun clause(clause: Clause): dynamic {
    val record = record()
    record.all = list(clause.all, ::test)
    record.none = list(clause.none, ::test)
    return record
}

private fun test(test: Test): dynamic = when (test) {
    is Test.Users -> variant("users", test.ids.toTypedArray())
    is Test.Roles -> variant("roles", test.roles.toTypedArray())
    Test.ChannelMember -> variant("channel-member")
    is Test.Attribute -> variant("attribute", arrayOf(test.name, test.value))
}
