//! Known crawlers, by their user agents.

use aho_corasick::AhoCorasick;
use anyhow::Context as _;

/// Made by `scripts/crawler-user-agents.py`.
const TEXTS: &str = include_str!("../../data/crawlers.txt");

/// The user agents of known crawlers.
pub struct Crawlers {
    starts: Vec<&'static str>,
    parts: AhoCorasick,
}

impl Crawlers {
    /// Those of the kept list.
    ///
    /// # Errors
    /// Fails if the list is too large to be searched for.
    pub fn load() -> anyhow::Result<Self> {
        let lines = TEXTS
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let (starts, parts): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with('^'));
        let starts = starts.into_iter().filter_map(|line| line.strip_prefix('^'));
        Ok(Self {
            starts: starts.collect(),
            parts: AhoCorasick::new(parts).context("the list of crawlers")?,
        })
    }

    /// Whether the user agent is that of a crawler.
    pub fn know(&self, user_agent: &str) -> bool {
        self.parts.is_match(user_agent) || self.starts.iter().any(|start| user_agent.starts_with(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_not_crawlers() {
        let crawlers = Crawlers::load().unwrap();
        for browser in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 OPR/124.0.0.0",
        ] {
            assert!(!crawlers.know(browser), "{browser}");
        }
    }

    #[test]
    fn crawlers_and_programs_are_known() {
        let crawlers = Crawlers::load().unwrap();
        for crawler in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
            "curl/8.5.0",
            "python-requests/2.32.0",
            "SEMrushBot",
        ] {
            assert!(crawlers.know(crawler), "{crawler}");
        }
    }
}
