// The settings of the policy: their form, their check, and what working hours mean.
// Knows nothing of the server.

package policy

import kotlin.js.Date
import kotlin.js.Json

/** The working hours of a region, in its own time. They may go past midnight. */
class Hours(val from: Int, val to: Int, val utcOffset: Int) {
    fun areOpenAt(date: Date): Boolean {
        val hour = (date.getUTCHours() + utcOffset + 24) % 24
        return if (from < to) hour in from until to else hour >= from || hour < to
    }
}

class Settings(
    val regions: Map<String, Hours> = emptyMap(),
    val allRegionsRoles: List<String> = emptyList(),
    val anyHourRoles: List<String> = emptyList(),
    val hiddenFrom: List<String> = emptyList(),
) {
    companion object {
        private val NAMES = listOf("regions", "all_regions_roles", "any_hour_roles", "hidden_from")

        /** Reads settings; what is wrong is thrown, by the name of the setting. */
        fun parse(text: String): Settings {
            val given = members("settings", JSON.parse(text), NAMES)
            val regions = given["regions"]?.let { members("regions", it.value) }.orEmpty()
            return Settings(
                regions.mapValues { (name, region) -> hours("regions.$name", region.value) },
                roles("all_regions_roles", given),
                roles("any_hour_roles", given),
                roles("hidden_from", given),
            )
        }
    }
}

/** A value in JSON, which may be null where it is given. */
private class Given(val value: Any?)

private fun hours(name: String, value: Any?): Hours {
    val given = members(name, value, listOf("from", "to", "utc_offset"))
    val from = wholeNumber("$name.from", given["from"], 0..23)
    val to = wholeNumber("$name.to", given["to"], 1..24)
    if (from == to) throw IllegalArgumentException("$name: from and to must differ")
    val offset = given["utc_offset"] ?: Given(0)
    return Hours(from, to, wholeNumber("$name.utc_offset", offset, -12..14))
}

private fun wholeNumber(name: String, given: Given?, range: IntRange): Int {
    // In JavaScript every number is a Double, and 8.5 no Int.
    val number = given?.value as? Double
    if (number != null && number % 1 == 0.0 && number >= range.first && number <= range.last) {
        return number.toInt()
    }
    throw IllegalArgumentException("$name: must be a whole number from ${range.first} to ${range.last}")
}

private fun roles(name: String, settings: Map<String, Given>): List<String> {
    val given = settings[name] ?: return emptyList()
    val roles = (given.value as? Array<*>)?.map { it as? String }
    if (roles == null || roles.any { it.isNullOrEmpty() }) {
        throw IllegalArgumentException("$name: must be a list of roles")
    }
    return roles.filterNotNull()
}

/** What an object holds, if it holds nothing else than what is known; null stands for anything. */
private fun members(name: String, value: Any?, known: List<String>? = null): Map<String, Given> {
    if (jsTypeOf(value) != "object" || value == null || value is Array<*>) {
        throw IllegalArgumentException("$name: must be an object")
    }
    val names: Array<String> = js("Object.keys(value)")
    names.find { known != null && it !in known }?.let {
        throw IllegalArgumentException("$name.$it: unknown; there are ${known?.joinToString()}")
    }
    val json = value.unsafeCast<Json>()
    return names.associateWith { Given(json[it]) }
}
