//! Long lists in pages: how large a page is, and where it begins. It must not know what is listed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::problem::Problem;
use crate::limits::{HTTP_PAGE_ITEMS, MAX_HTTP_PAGE_ITEMS};

/// Which page is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A page: after which item it begins, and how many it may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The last item of the page before, by the parts that it is sorted by; nothing for the first.
    pub(super) after: Option<Vec<String>>,
    /// Items.
    pub(super) limit: usize,
}

/// Separates the parts of a cursor. No id holds a control character.
const SEPARATOR: char = '\u{1f}';

impl PageQuery {
    /// The page, of a list that is sorted by so many parts.
    pub(super) fn page(self, parts: usize) -> Result<Page, Problem> {
        let limit = self.limit.unwrap_or(HTTP_PAGE_ITEMS);
        if !(1..=MAX_HTTP_PAGE_ITEMS).contains(&limit) {
            let detail = format!("limit in the query must be from 1 to {MAX_HTTP_PAGE_ITEMS}");
            return Err(Problem::invalid(detail));
        }
        let after = self.cursor.map(|cursor| {
            read(&cursor)
                .filter(|after| after.len() == parts)
                .ok_or_else(|| {
                    Problem::invalid("cursor in the query must be the `next` of an earlier page")
                })
        });
        Ok(Page {
            after: after.transpose()?,
            limit,
        })
    }
}

/// The cursor of the page that begins after an item. Callers are to take it as it is.
pub(super) fn cursor(parts: &[&str]) -> String {
    let text = parts.join(&SEPARATOR.to_string());
    URL_SAFE_NO_PAD.encode(text)
}

fn read(cursor: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    Some(text.split(SEPARATOR).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn query(limit: Option<usize>, cursor: Option<&str>) -> PageQuery {
        let cursor = cursor.map(str::to_owned);
        PageQuery { limit, cursor }
    }

    #[test]
    fn a_cursor_leads_behind_the_item_it_was_made_of() {
        let text = cursor(&["ж", "s 1"]);
        let page = query(None, Some(&text)).page(2).unwrap();
        assert_eq!(page.after.unwrap(), ["ж", "s 1"]);
        assert_eq!(page.limit, HTTP_PAGE_ITEMS);
        assert_eq!(query(Some(1), None).page(1).unwrap().after, None);
    }

    #[test]
    fn what_no_page_gave_is_refused() {
        for wrong in ["", "ж", "====", &cursor(&["a"]), "_w"] {
            assert!(query(None, Some(wrong)).page(2).is_err(), "{wrong:?}");
        }
        for limit in [0, MAX_HTTP_PAGE_ITEMS + 1] {
            assert!(query(Some(limit), None).page(1).is_err(), "{limit}");
        }
    }
}
