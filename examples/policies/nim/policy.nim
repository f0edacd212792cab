## House rules: who enters, who sees a regional channel, who gets contact data, and when a channel is
## open. `settings.nim` says what the settings mean. Nothing is remembered between calls but them.

import std/[json, strutils, tables]
import settings, wardroom

var rules: Settings

proc configure(text: string) =
  rules = readSettings(text)

# ---- Who enters.

proc admit(request: Request) =
  # Asked when somebody comes, and again when what is known of them changes.
  if request.subject.attribute("suspended") == some("true"):
    raise denied("suspended", "You are suspended; ask an administrator.")

# ---- Who sees a channel.

proc audience(channel: Channel): Rule =
  # No selector compares numbers, so that the server has to ask `decide`.
  if channel.attribute("level").isSome: return each()
  let region = channel.attribute("region")
  if region.isNone: return everyone()
  only(anyOf(allOf(hasAttribute("region", region.get)), allOf(hasRole(rules.allRegionsRoles))))

proc wholeNumber(text: string): Option[int] =
  ## A number of up to nine digits and nothing else.
  if text.len in 1 .. 9 and text.allCharsInSet(Digits): some(parseInt(text)) else: none(int)

proc levelOf(subject: Subject): int =
  ## Who has no level that makes sense has the lowest.
  subject.attribute("level").flatMap(wholeNumber).get(0)

proc hasOneOf(subject: Subject, roles: seq[string]): bool =
  let role = subject.role
  role.isSome and role.get in roles

proc decide(channel: Channel, subjects: seq[OwnSubject]): seq[bool] =
  let level = channel.attribute("level")
  let least = if level.isSome: wholeNumber(level.get) else: some(0)
  let region = channel.attribute("region")
  for subject in subjects:
    let inRegion = region.isNone or subject.attribute("region") == region or
      subject.hasOneOf(rules.allRegionsRoles)
    result.add least.isSome and inRegion and subject.levelOf >= least.get

# ---- What a command may do.

proc authorize(command: Command): Option[string] =
  if command.name != "select-channel": return
  let channel = command.channel
  if channel.isNone: return
  let region = channel.get.attribute("region")
  if region.isNone or region.get notin rules.regions: return
  let hours = rules.regions[region.get]
  if hours.isOpen(unixTime()): return some($ %*{"openUntil": hours.last})
  let subject = command.subject
  if subject.isMemberOf(channel.get) or subject.hasOneOf(rules.anyHourRoles): return
  let sign = if hours.utcOffset < 0: "" else: "+"
  raise denied("outside-working-hours", channel.get.id & " is open from " & $hours.first & " to " &
    $hours.last & " (UTC" & sign & $hours.utcOffset & ")")

# ---- How an event looks.

proc withoutContact(payload: string): Option[string] =
  ## A payload without the contact data of its user; nothing if there was none.
  let node = readJson(payload)
  let user = node.getOrDefault("user")
  if user == nil or user.kind != JObject: return
  var found = false
  for key in ["email", "phone"]:
    if key in user:
      user.delete(key)
      found = true
  if found: return some($node)

proc whoSeesContact(event: Event): Selector =
  result = anyOf(noneOf(hasRole(rules.hiddenFrom)))
  # People see their own contact data whatever their role.
  let subject = event.subject
  if subject.isSome: result.add allOf(isUser(subject.get.id))

proc render(event: Event): Rendering =
  if event.name notin ["user-joined", "user-updated"] or rules.hiddenFrom.len == 0:
    return unchanged()
  let payload = event.payload
  let redacted = withoutContact(payload)
  if redacted.isNone: return unchanged()
  split(rendition(event.whoSeesContact, payload), rendition(anyOf(anybody()), redacted.get))

exportLifecycle(configure)
exportAdmission(admit)
exportVisibility(audience, decide)
exportCommands(authorize)
exportEvents(render)
