## The interface of Wardroom in Nim, over the generated bindings for C: who owns what is seen to here.
## What a hook is given goes back when it goes out of scope, and texts and lists are Nim's own.
##
## A policy hands its hooks to the templates at the end of this file, one for each interface that its
## world exports.

import std/options
export options

{.compile: "bindings/policy.c".}
{.pragma: binding, header: "bindings/policy.h".}

# ---- What goes wrong: a line in the server's log and a trap, after which it asks a fresh instance

proc trap() {.importc: "__builtin_trap", nodecl, noreturn.}

# Nim begins when the instance does.
{.emit: """
N_CDECL(void, NimMain)(void);
__attribute__((constructor)) static void wardroom_begin(void) { NimMain(); }
""".}

# The linker puts these around what everybody gets memory by. What cannot be had must trap, since
# WebAssembly can write at address 0.
proc realMalloc(size: csize_t): pointer {.importc: "__real_malloc", cdecl.}
proc realCalloc(count, size: csize_t): pointer {.importc: "__real_calloc", cdecl.}
proc realRealloc(old: pointer, size: csize_t): pointer {.importc: "__real_realloc", cdecl.}

proc there(memory: pointer, size: csize_t): pointer {.inline.} =
  if memory.isNil and size > 0: trap()
  memory

proc wrapMalloc(size: csize_t): pointer {.exportc: "__wrap_malloc", cdecl.} =
  there(realMalloc(size), size)
proc wrapCalloc(count, size: csize_t): pointer {.exportc: "__wrap_calloc", cdecl.} =
  there(realCalloc(count, size), size)
proc wrapRealloc(old: pointer, size: csize_t): pointer {.exportc: "__wrap_realloc", cdecl.} =
  there(realRealloc(old, size), size)

# ---- Texts and lists

type
  CText {.importc: "policy_string_t", binding, bycopy.} = object
    data {.importc: "ptr".}: pointer
    len: csize_t
  CTexts {.importc: "types_list_user_id_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[CText]
    len: csize_t
  CMembers {.importc: "context_list_user_id_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[CText]
    len: csize_t

proc freeText(text: var CText) {.importc: "policy_string_free", binding.}
proc freeMemory(memory: pointer) {.importc: "free", header: "<stdlib.h>".}
proc memoryOf(size: csize_t): pointer {.importc: "malloc", header: "<stdlib.h>".}

# A text that is lent for the time of one call.
proc lend(text: string): CText =
  if text.len > 0: result = CText(data: unsafeAddr text[0], len: csize_t(text.len))

# A text that was given to us.
proc take(text: var CText): string =
  result = newString(int(text.len))
  if result.len > 0: copyMem(addr result[0], text.data, result.len)
  freeText(text)

# A text for an answer, which the bindings free.
proc give(text: string): CText =
  if text.len == 0: return
  result = CText(data: memoryOf(csize_t(text.len)), len: csize_t(text.len))
  copyMem(result.data, unsafeAddr text[0], text.len)

proc give(answer: bool): bool = answer

# A list for an answer.
proc give(list: var auto, items: auto) =
  list.data = nil
  list.len = csize_t(items.len)
  if items.len == 0: return
  list.data = cast[typeof(list.data)](memoryOf(csize_t(items.len * sizeof(list.data[0]))))
  for place, item in items: list.data[place] = give(item)

# ---- The facts of a question

type
  # What is lent to a hook goes back by itself. Keep none of it beyond the hook.
  Subject* {.importc: "context_borrow_subject_t", binding, bycopy.} = object
  Channel* {.importc: "context_borrow_channel_t", binding, bycopy.} = object
  Request* {.importc: "context_borrow_request_t", binding, bycopy.} = object
  Command* {.importc: "context_borrow_command_t", binding, bycopy.} = object
  Event* {.importc: "context_borrow_event_t", binding, bycopy.} = object

  CSubject {.importc: "context_own_subject_t", binding, bycopy.} = object
    handle {.importc: "__handle".}: int32
  CChannel {.importc: "context_own_channel_t", binding, bycopy.} = object
    handle {.importc: "__handle".}: int32

  # What is given to it goes back when it goes out of scope.
  OwnSubject* = object
    own: CSubject
  OwnChannel* = object
    own: CChannel

proc drop(own: CSubject) {.importc: "context_subject_drop_own", binding.}
proc drop(own: CChannel) {.importc: "context_channel_drop_own", binding.}
proc borrow(own: CSubject): Subject {.importc: "context_borrow_subject", binding.}
proc borrow(own: CChannel): Channel {.importc: "context_borrow_channel", binding.}

proc `=destroy`(subject: var OwnSubject) =
  if subject.own.handle != 0: drop(subject.own)
proc `=destroy`(channel: var OwnChannel) =
  if channel.own.handle != 0: drop(channel.own)
proc `=copy`(to: var OwnSubject, subject: OwnSubject) {.error.}
proc `=copy`(to: var OwnChannel, channel: OwnChannel) {.error.}

converter lent*(subject: OwnSubject): Subject = borrow(subject.own)
converter lent*(channel: OwnChannel): Channel = borrow(channel.own)

# A getter of the bindings that always has a text, and one that may have one.
template text(getter: string, T: type, name: untyped) =
  proc get(self: T, text: var CText) {.importc: getter, binding, gensym.}
  proc name*(self: T): string =
    var text: CText
    get(self, text)
    take(text)

template maybeText(getter: string, T: type, name: untyped) =
  proc get(self: T, text: var CText): bool {.importc: getter, binding, gensym.}
  proc name*(self: T): Option[string] =
    var text: CText
    if get(self, text): some(take(text)) else: none(string)

template attributeOf(getter: string, T: type) =
  proc get(self: T, name: var CText, text: var CText): bool {.importc: getter, binding, gensym.}
  proc attribute*(self: T, name: string): Option[string] =
    ## Strings as they are, numbers and booleans as JSON writes them; none for anything else.
    var key = lend(name)
    var text: CText
    if get(self, key, text): some(take(text)) else: none(string)

text("context_method_subject_id", Subject, id)
maybeText("context_method_subject_role", Subject, role)
attributeOf("context_method_subject_attribute", Subject)
text("context_method_subject_attributes", Subject, attributes)
proc isMemberOf*(self: Subject, channel: Channel): bool {.
  importc: "context_method_subject_is_member_of", binding.}

text("context_method_channel_id", Channel, id)
proc isPrivate*(self: Channel): bool {.importc: "context_method_channel_is_private", binding.}
proc memberCount*(self: Channel): uint32 {.
  importc: "context_method_channel_member_count", binding.}
attributeOf("context_method_channel_attribute", Channel)
text("context_method_channel_attributes", Channel, attributes)

proc cHasMember(self: Channel, user: var CText): bool {.
  importc: "context_method_channel_has_member", binding.}
proc hasMember*(self: Channel, user: string): bool =
  var id = lend(user)
  cHasMember(self, id)

proc cMembers(self: Channel, list: var CMembers) {.
  importc: "context_method_channel_members", binding.}
proc members*(self: Channel): seq[string] =
  var list: CMembers
  cMembers(self, list)
  for place in 0 ..< int(list.len): result.add take(list.data[place])
  if list.len > 0: freeMemory(list.data)

proc cSubject(self: Request): CSubject {.importc: "context_method_request_subject", binding.}
proc subject*(self: Request): OwnSubject = OwnSubject(own: cSubject(self))
text("context_method_request_claims", Request, claims)
maybeText("context_method_request_remote_address", Request, remoteAddress)
proc isReevaluation*(self: Request): bool {.
  importc: "context_method_request_is_reevaluation", binding.}

text("context_method_command_name", Command, name)
text("context_method_command_arguments", Command, arguments)
proc cSubject(self: Command): CSubject {.importc: "context_method_command_subject", binding.}
proc subject*(self: Command): OwnSubject = OwnSubject(own: cSubject(self))
proc cChannel(self: Command, channel: var CChannel): bool {.
  importc: "context_method_command_channel", binding.}
proc channel*(self: Command): Option[OwnChannel] =
  var own: CChannel
  if cChannel(self, own): some(OwnChannel(own: own)) else: none(OwnChannel)

text("context_method_event_name", Event, name)
text("context_method_event_payload", Event, payload)
proc cSubject(self: Event, subject: var CSubject): bool {.
  importc: "context_method_event_subject", binding.}
proc subject*(self: Event): Option[OwnSubject] =
  var own: CSubject
  if cSubject(self, own): some(OwnSubject(own: own)) else: none(OwnSubject)
proc cChannel(self: Event, channel: var CChannel): bool {.
  importc: "context_method_event_channel", binding.}
proc channel*(self: Event): Option[OwnChannel] =
  var own: CChannel
  if cChannel(self, own): some(OwnChannel(own: own)) else: none(OwnChannel)

proc cWorkspace(text: var CText) {.importc: "context_workspace", binding.}
proc workspace*(): string =
  var text: CText
  cWorkspace(text)
  take(text)

type CTime {.importc: "clock_datetime_t", binding, bycopy.} = object
  seconds: uint64
proc cNow(time: var CTime) {.importc: "clock_now", binding.}
proc unixTime*(): int64 =
  ## The time of the decision, in seconds since 1970.
  var time: CTime
  cNow(time)
  int64(time.seconds)

type LogLevel* = enum debug, info, warn, error

proc cLog(level: uint8, message: var CText) {.importc: "log_write", binding.}
proc log*(level: LogLevel, message: string) =
  ## Writes a line to the server's log.
  var line = lend(message)
  cLog(uint8(ord(level)), line)

# What Nim has to say at the end, and how it ends. There is no WASI to write to, so that the functions
# of the C library for it are here.
type Piece = object
  data: ptr UncheckedArray[char]
  len: csize_t

proc fdWrite(file: int32, pieces: ptr UncheckedArray[Piece], count: int32,
             written: ptr csize_t): int32 {.
    exportc: "__imported_wasi_snapshot_preview1_fd_write", cdecl.} =
  var line: string
  for place in 0 ..< count:
    for at in 0 ..< pieces[place].len: line.add pieces[place].data[at]
  written[] = csize_t(line.len)
  if line.len > 0 and line[^1] == '\n': line.setLen(line.len - 1)
  if line notin ["", "No stack traceback available"]: log(error, line)

proc procExit(code: int32) {.
    exportc: "__imported_wasi_snapshot_preview1_proc_exit", cdecl, noreturn.} =
  trap()

proc close(file: cint): cint {.exportc, cdecl.} = 0
proc fdSeek(file: int32, by: int64, whence: int32, at: ptr int64): int32 {.
    exportc: "__imported_wasi_snapshot_preview1_fd_seek", cdecl.} = 29 # a pipe

# ---- Sets of people

type
  TestKind = enum ofUsers, ofRoles, ofMembers, ofAttribute
  Test* = object
    ## A fact about one subject, which the server tests natively.
    case kind: TestKind
    of ofUsers, ofRoles: names: seq[string]
    of ofMembers: discard
    of ofAttribute: name, value: string
  Clause* = object
    ## It matches when every test of `all` holds and no test of `none` does.
    all*, none*: seq[Test]
  Selector* = seq[Clause]

proc isUser*(id: string): Test = Test(kind: ofUsers, names: @[id])
proc hasRole*(roles: seq[string]): Test = Test(kind: ofRoles, names: roles)
proc isChannelMember*(): Test = Test(kind: ofMembers)
proc hasAttribute*(name, value: string): Test = Test(kind: ofAttribute, name: name, value: value)

proc allOf*(tests: varargs[Test]): Clause = Clause(all: @tests)
proc noneOf*(tests: varargs[Test]): Clause = Clause(none: @tests)
proc anybody*(): Clause = Clause()
proc anyOf*(clauses: varargs[Clause]): Selector = @clauses

type
  CTest {.importc: "types_test_t", binding, bycopy.} = object
    tag: uint8
    names {.importc: "val.users".}: CTexts
    name {.importc: "val.attribute.f0".}, value {.importc: "val.attribute.f1".}: CText
  CTests {.importc: "types_list_test_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[CTest]
    len: csize_t
  CClause {.importc: "types_clause_t", binding, bycopy.} = object
    all, none: CTests
  CClauses {.importc: "types_list_clause_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[CClause]
    len: csize_t
  CSelector {.importc: "types_selector_t", binding, bycopy.} = object
    any: CClauses

proc give(test: Test): CTest =
  result.tag = uint8(ord(test.kind))
  case test.kind
  of ofUsers, ofRoles: give(result.names, test.names)
  of ofMembers: discard
  of ofAttribute:
    result.name = give(test.name)
    result.value = give(test.value)

proc give(clause: Clause): CClause =
  give(result.all, clause.all)
  give(result.none, clause.none)

proc give(selector: Selector): CSelector = give(result.any, selector)

# ---- Answers

type
  RuleKind = enum forEveryone, forNobody, forOnly, forAllBut, forEach
  Rule* = object
    ## Which people see a channel.
    kind: RuleKind
    people: Selector

  Rendition* = object
    ## One form of an event for some of its audience.
    to*: Selector
    payload*: string
  RenderingKind = enum isUnchanged, isReplaced, isSuppressed, isSplit
  Rendering* = object
    ## What becomes of an event.
    kind: RenderingKind
    payload: string
    renditions: seq[Rendition]

  Refused* = object of CatchableError
    ## Raised by `configure`: the settings are not good. The message should name the setting.
  Denied* = object of CatchableError
    ## Raised where something may be denied: the message is for the person.
    code*: string

proc everyone*(): Rule = Rule(kind: forEveryone)
proc nobody*(): Rule = Rule(kind: forNobody)
proc only*(people: Selector): Rule = Rule(kind: forOnly, people: people)
proc allBut*(people: Selector): Rule = Rule(kind: forAllBut, people: people)
proc each*(): Rule = Rule(kind: forEach)

proc unchanged*(): Rendering = Rendering(kind: isUnchanged)
proc replaced*(payload: string): Rendering = Rendering(kind: isReplaced, payload: payload)
proc suppressed*(): Rendering = Rendering(kind: isSuppressed)
proc split*(renditions: varargs[Rendition]): Rendering =
  Rendering(kind: isSplit, renditions: @renditions)
proc rendition*(to: Selector, payload: string): Rendition = Rendition(to: to, payload: payload)

proc refused*(message: string): ref Refused = (ref Refused)(msg: message)
proc denied*(code, message: string): ref Denied = (ref Denied)(code: code, msg: message)

type
  CRule {.importc: "exports_visibility_rule_t", binding, bycopy.} = object
    tag: uint8
    people {.importc: "val.only".}: CSelector
  CBools {.importc: "policy_list_bool_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[bool]
    len: csize_t
  CSubjects {.importc: "exports_visibility_list_own_subject_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[CSubject]
    len: csize_t
  CGrant {.importc: "exports_commands_option_json_t", binding, bycopy.} = object
    isSome {.importc: "is_some".}: bool
    val: CText
  CDenial {.importc: "types_denial_t", binding, bycopy.} = object
    code, message: CText
  CRendition {.importc: "exports_events_rendition_t", binding, bycopy.} = object
    to: CSelector
    payload: CText
  CRenditions {.importc: "exports_events_list_rendition_t", binding, bycopy.} = object
    data {.importc: "ptr".}: ptr UncheckedArray[CRendition]
    len: csize_t
  CRendering {.importc: "exports_events_rendering_t", binding, bycopy.} = object
    tag: uint8
    payload {.importc: "val.replaced".}: CText
    renditions {.importc: "val.split".}: CRenditions

proc give(rule: Rule): CRule =
  result.tag = uint8(ord(rule.kind))
  if rule.kind in {forOnly, forAllBut}: result.people = give(rule.people)

proc give(why: ref Denied): CDenial =
  CDenial(code: give(why.code), message: give(why.msg))

proc give(rendition: Rendition): CRendition =
  CRendition(to: give(rendition.to), payload: give(rendition.payload))

proc give(rendering: Rendering): CRendering =
  result.tag = uint8(ord(rendering.kind))
  case rendering.kind
  of isUnchanged, isSuppressed: discard
  of isReplaced: result.payload = give(rendering.payload)
  of isSplit: give(result.renditions, rendering.renditions)

proc take(list: var CSubjects): seq[OwnSubject] =
  for place in 0 ..< int(list.len): result.add OwnSubject(own: list.data[place])
  if list.len > 0: freeMemory(list.data)

# ---- What the bindings call. What a hook raises and is no answer is a line in the log and a trap.

proc fail(error: ref Exception) {.noreturn.} =
  log(LogLevel.error, $error.name & ": " & error.msg)
  trap()

template answering(body: untyped) =
  try: body
  except Exception as error: fail(error)

template exportLifecycle*(configure: untyped) =
  ## `proc configure(settings: string)`, which raises `Refused`.
  proc exported(settings, why: var CText): bool {.
      exportc: "exports_lifecycle_configure", cdecl, raises: [].} =
    answering:
      try:
        configure(take(settings))
        result = true
      except Refused as refusal: why = give(refusal.msg)

template exportAdmission*(admit: untyped) =
  ## `proc admit(request: Request)`, which raises `Denied`.
  proc exported(request: Request, denial: var CDenial): bool {.
      exportc: "exports_admission_admit", cdecl, raises: [].} =
    answering:
      try:
        admit(request)
        result = true
      except Denied as why: denial = give(why)

template exportVisibility*(audience, decide: untyped) =
  ## `proc audience(channel: Channel): Rule`, and
  ## `proc decide(channel: Channel, subjects: seq[OwnSubject]): seq[bool]` with an answer for each.
  proc exported(channel: Channel, rule: var CRule) {.
      exportc: "exports_visibility_audience", cdecl, raises: [].} =
    answering: rule = give(audience(channel))

  proc exported(channel: Channel, subjects: var CSubjects, answers: var CBools) {.
      exportc: "exports_visibility_decide", cdecl, raises: [].} =
    answering: give(answers, decide(channel, take(subjects)))

template exportCommands*(authorize: untyped) =
  ## `proc authorize(command: Command): Option[string]`, which raises `Denied`. A grant, a JSON object,
  ## may go with the allowance.
  proc exported(command: Command, grant: var CGrant, denial: var CDenial): bool {.
      exportc: "exports_commands_authorize", cdecl, raises: [].} =
    answering:
      try:
        let allowed = authorize(command)
        grant.isSome = allowed.isSome
        if allowed.isSome: grant.val = give(allowed.get)
        result = true
      except Denied as why: denial = give(why)

template exportEvents*(render: untyped) =
  ## `proc render(event: Event): Rendering`
  proc exported(event: Event, rendering: var CRendering) {.
      exportc: "exports_events_render", cdecl, raises: [].} =
    answering: rendering = give(render(event))
