//! What a command found that looks at many things: a plain sentence for each, and whether all is well.

/// What was found, in order.
#[derive(Default)]
pub struct Findings {
    lines: Vec<String>,
    failed: bool,
}

impl Findings {
    /// As it should be.
    pub fn good(&mut self, what: &str, sentence: &str) {
        self.lines.push(format!("good  {what}: {sentence}"));
    }

    /// Worth knowing, and no reason for alarm.
    pub fn note(&mut self, what: &str, sentence: &str) {
        self.lines.push(format!("note  {what}: {sentence}"));
    }

    /// Not as it should be.
    pub fn bad(&mut self, what: &str, sentence: &str) {
        self.lines.push(format!("BAD   {what}: {sentence}"));
        self.failed = true;
    }

    /// Good or bad.
    pub fn judge(&mut self, what: &str, verdict: Result<String, String>) {
        match verdict {
            Ok(sentence) => self.good(what, &sentence),
            Err(sentence) => self.bad(what, &sentence),
        }
    }

    /// Prints what was found.
    ///
    /// # Errors
    /// This sentence, if anything is bad.
    pub fn told(self, if_bad: &str) -> Result<(), String> {
        println!("{}", self.lines.join("\n"));
        if self.failed { Err(if_bad.to_owned()) } else { Ok(()) }
    }
}
