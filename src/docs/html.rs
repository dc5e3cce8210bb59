//! The little of HTML that the page needs.

use crate::http::Method;

/// Text as HTML shows it as it is.
pub fn text(plain: &str) -> String {
    let mut html = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(c),
        }
    }
    html
}

/// A sentence, what stands between backticks as code.
pub fn prose(sentence: &str) -> String {
    let parts = sentence.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { code(part) } else { text(part) }).collect()
}

/// Code in a line.
pub fn code(plain: &str) -> String {
    format!("<code>{}</code>", text(plain))
}

/// A path that may be broken before each slash, its parameters marked.
pub fn path(path: &str) -> String {
    let segments = path.split('/').skip(1).map(|segment| {
        let shown = text(segment);
        if segment.starts_with('{') { format!("<wbr>/<i>{shown}</i>") } else { format!("<wbr>/{shown}") }
    });
    segments.collect()
}

/// A method, coloured.
pub fn method(method: Method) -> String {
    let name = method.name();
    format!("<b class=\"method {}\">{name}</b>", name.to_lowercase())
}

/// A frame with each `{{name}}` replaced by what `value` gives for it.
pub fn fill(frame: &str, value: impl Fn(&str) -> String) -> String {
    let mut parts = frame.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("}}") {
            Some((name, rest)) => filled.extend([value(name).as_str(), rest]),
            None => filled.push_str(part),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        assert_eq!(text("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
        assert_eq!(prose("Say `<b>` twice."), "Say <code>&lt;b&gt;</code> twice.");
        assert_eq!(path("/a/{id}/<"), "<wbr>/a<wbr>/<i>{id}</i><wbr>/&lt;");
    }

    #[test]
    fn frames_are_filled_once() {
        let value = |name: &str| if name == "a" { "{{b}}".to_owned() } else { "never".to_owned() };
        assert_eq!(fill("<{{a}}>", value), "<{{b}}>");
    }
}
