//! The domains of personal mailboxes, from `data/personal-mail-domains.txt`, which `scripts/personal-mail-domains.py`
//! generates.

use std::collections::HashSet;
use std::sync::LazyLock;

static LINES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    include_str!("../../../data/personal-mail-domains.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect()
});

/// Whether a host, in lower case and in Punycode, is one of these domains or a subdomain of one.
///
/// A host that nobody can register counts as personal, because its owner is unknown.
pub fn is_personal(host: &str) -> bool {
    let Some(registrable) = psl::domain_str(host) else {
        return true;
    };
    if LINES.contains(format!("={host}").as_str()) {
        return true;
    }
    let mut domain = host;
    loop {
        if LINES.contains(domain) {
            return true;
        }
        match domain.split_once('.') {
            Some((_, parent)) if parent.len() >= registrable.len() => domain = parent,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What most of the published lists hold.
    const MAJORITY: &str = include_str!("../../../data/personal-mail-majority.txt");
    const ADDITIONS: &str = include_str!("../../../data/personal-mail-additions.txt");
    const EXCEPTIONS: &str = include_str!("../../../data/personal-mail-exceptions.txt");

    /// The hundred domains that most addresses are at, by the list that is passed around most.
    const LARGEST: &str = "gmail.com yahoo.com hotmail.com aol.com hotmail.co.uk hotmail.fr msn.com yahoo.fr wanadoo.fr \
        orange.fr comcast.net yahoo.co.uk yahoo.com.br yahoo.co.in live.com rediffmail.com free.fr gmx.de web.de \
        yandex.ru ymail.com libero.it outlook.com uol.com.br bol.com.br mail.ru cox.net hotmail.it sbcglobal.net \
        sfr.fr live.fr verizon.net live.co.uk googlemail.com yahoo.es ig.com.br live.nl bigpond.com terra.com.br \
        yahoo.it neuf.fr yahoo.de alice.it rocketmail.com att.net laposte.net facebook.com bellsouth.net yahoo.in \
        hotmail.es charter.net yahoo.ca yahoo.com.au rambler.ru hotmail.de tiscali.it shaw.ca yahoo.co.jp sky.com \
        earthlink.net optonline.net freenet.de t-online.de aliceadsl.fr virgilio.it home.nl qq.com telenet.be me.com \
        yahoo.com.ar tiscali.co.uk yahoo.com.mx voila.fr gmx.net mail.com planet.nl tin.it live.it ntlworld.com \
        arcor.de yahoo.co.id frontiernet.net hetnet.nl live.com.au yahoo.com.sg zonnet.nl club-internet.fr juno.com \
        optusnet.com.au blueyonder.co.uk bluewin.ch skynet.be sympatico.ca windstream.net mac.com centurytel.net \
        chello.nl live.ca aim.com bigpond.net.au";

    /// Domains of well-known companies, some of which sell mailboxes or connections to the public under another domain.
    const COMPANIES: &str = "google.com microsoft.com apple.com appleid.com amazon.com meta.com ibm.com intel.com \
        oracle.com salesforce.com cisco.com hp.com dell.com sap.com siemens.com bosch.com bmw.de volkswagen.de \
        orange.com telekom.de vodafone.com verizon.com att.com comcast.com cox.com charter.com bt.com sky.uk \
        duckduckgo.com mozilla.com mozilla.org firefox.com github.com gitlab.com proton.ch zohocorp.com yahooinc.com \
        alibaba-inc.com alibaba.com tencent.com baidu.com navercorp.com rakuten.com sony.com samsung.com toyota.com \
        ford.com shell.com bp.com totalenergies.com nestle.com unilever.com pg.com nike.com ikea.com walmart.com \
        tesco.com carrefour.com jpmorgan.com hsbc.com barclays.com bnpparibas.com ing.com allianz.com axa.com \
        deloitte.com pwc.com ey.com kpmg.com accenture.com mckinsey.com boeing.com airbus.com ge.com dhl.com fedex.com \
        ups.com bbc.co.uk nytimes.com reuters.com bloomberg.com x.com linkedin.com slack.com zoom.us dropbox.com \
        atlassian.com shopify.com cloudflare.com akamai.com redhat.com suse.com vmware.com workday.com hubspot.com \
        twilio.com okta.com openai.com anthropic.com snowflake.com harvard.edu stanford.edu mit.edu ox.ac.uk \
        ethz.ch polizei.berlin.de rci.rogers.com team.telstra.com parrot.com ancestry.com saudia.com";

    fn lines(file: &str) -> impl Iterator<Item = &str> {
        let lines = file.lines().filter_map(|line| line.split('#').next());
        lines.map(str::trim).filter(|line| !line.is_empty())
    }

    fn is_exception(domain: &str) -> bool {
        lines(EXCEPTIONS).any(|exception| exception == domain)
    }

    #[test]
    fn list_matches_its_sources() {
        let exceptions: Vec<_> = lines(EXCEPTIONS).collect();
        let exact = exceptions.iter().filter_map(|domain| domain.strip_prefix("*."));
        let exact: HashSet<_> = exact.collect();
        let mut made: Vec<_> = lines(MAJORITY)
            .chain(lines(ADDITIONS))
            .filter(|domain| !exceptions.contains(domain) && !exact.contains(domain))
            .map(str::to_owned)
            .chain(exact.iter().map(|domain| format!("={domain}")))
            .collect();
        made.sort_unstable();
        made.dedup();
        let kept: Vec<_> = include_str!("../../../data/personal-mail-domains.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(kept, made);
    }

    #[test]
    fn domains_on_most_published_lists_are_personal() {
        assert!(lines(MAJORITY).count() > 4000);
        let missing: Vec<_> = lines(MAJORITY)
            .filter(|domain| !is_personal(domain) && !is_exception(domain))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_hundred_largest_are_personal() {
        let missing: Vec<_> = LARGEST
            .split_whitespace()
            .filter(|domain| !is_personal(domain))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn hand_kept_domains_are_personal_and_unique() {
        let mut seen = HashSet::new();
        for domain in lines(ADDITIONS) {
            assert!(is_personal(domain), "{domain}");
            assert!(seen.insert(domain), "{domain} is kept twice");
            assert!(psl::domain_str(domain).is_some(), "{domain}");
        }
    }

    #[test]
    fn staff_domains_of_companies_are_not_personal() {
        let wrong: Vec<_> = COMPANIES
            .split_whitespace()
            .filter(|domain| is_personal(domain))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn each_exception_is_explained_and_holds() {
        for line in EXCEPTIONS.lines().filter(|line| !line.starts_with('#')) {
            let (domain, reason) = line.split_once("  # ").unwrap();
            assert!(!reason.trim().is_empty(), "{domain}");
            match domain.strip_prefix("*.") {
                Some(everybody) => {
                    assert!(is_personal(everybody));
                    assert!(!is_personal(&format!("staff.{everybody}")));
                }
                None => assert!(!is_personal(domain), "{domain}"),
            }
        }
    }

    #[test]
    fn personal_alias_of_a_company_leaves_the_company_business() {
        assert!(is_personal("privaterelay.appleid.com"));
        assert!(is_personal("a.privaterelay.appleid.com"));
        assert!(!is_personal("appleid.com"));
        assert!(!is_personal("other.appleid.com"));
    }
}
