## The settings of the policy: their form, their check, and what working hours mean.

import std/[json, strutils, tables]
import wardroom

type
  Hours* = object
    ## Working hours in a region's own time. They may go past midnight.
    first*, last*, utcOffset*: int
  Settings* = object
    regions*: Table[string, Hours]
    allRegionsRoles*: seq[string] ## Roles that see the channels of every region.
    anyHourRoles*: seq[string]    ## Roles that may select a channel at any hour.
    hiddenFrom*: seq[string]      ## Roles that get nobody's contact data but their own.

proc isOpen*(hours: Hours, unixTime: int64): bool =
  let hour = int((unixTime div 3600 + 24 + hours.utcOffset) mod 24)
  if hours.first < hours.last: hours.first <= hour and hour < hours.last
  else: hours.first <= hour or hour < hours.last

proc readJson*(text: string): JsonNode =
  ## Numbers stay as they are written: a whole one may fit into no integer.
  parseJson(text, rawIntegers = true, rawFloats = true)

proc isText(node: JsonNode): bool =
  # A number is a text that is written without quotes.
  node.kind == JString and ($node).startsWith('"')

proc readRoles(name: string, node: JsonNode): seq[string] =
  if node.kind != JArray: raise refused(name & ": must be a list of roles")
  for role in node:
    if not role.isText or role.str == "": raise refused(name & ": must be a list of roles")
    result.add role.str

proc readNumber(name: string, node: JsonNode, least, most: int): int =
  if node != nil and node.kind == JString and not node.isText and node.str.len <= 3:
    try:
      result = parseInt(node.str)
      if result in least .. most: return
    except ValueError: discard # 8.5 is a number too
  raise refused(name & ": must be a whole number from " & $least & " to " & $most)

proc readHours(name: string, node: JsonNode): Hours =
  if node.kind != JObject: raise refused(name & ": must be an object")
  for key in node.keys:
    if key notin ["from", "to", "utc_offset"]:
      raise refused(name & "." & key & ": unknown; there are from, to, utc_offset")
  result.first = readNumber(name & ".from", node.getOrDefault("from"), 0, 23)
  result.last = readNumber(name & ".to", node.getOrDefault("to"), 1, 24)
  if "utc_offset" in node:
    result.utcOffset = readNumber(name & ".utc_offset", node["utc_offset"], -12, 14)
  if result.first == result.last: raise refused(name & ": from and to must differ")

proc readRegions(node: JsonNode): Table[string, Hours] =
  if node.kind != JObject:
    raise refused("regions: must be an object from a region to its working hours")
  for name, hours in node: result[name] = readHours("regions." & name, hours)

proc readSettings*(text: string): Settings =
  ## Raises `Refused`, with the name of the setting that is not good.
  let node = readJson(text)
  if node.kind != JObject: raise refused("settings: must be an object")
  for name, value in node:
    case name
    of "regions": result.regions = readRegions(value)
    of "all_regions_roles": result.allRegionsRoles = readRoles(name, value)
    of "any_hour_roles": result.anyHourRoles = readRoles(name, value)
    of "hidden_from": result.hiddenFrom = readRoles(name, value)
    else:
      raise refused("settings." & name & ": unknown; there are regions, all_regions_roles, " &
        "any_hour_roles, hidden_from")
