//! The currency in which the operator pays for lookups.

use std::str::FromStr;

/// The currencies in use by ISO 4217, without funds and metals.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT \
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR \
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV \
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// A currency's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency(&'static str);

impl Currency {
    /// The code in capitals.
    pub fn code(&self) -> &'static str {
        self.0
    }
}

impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = CODES.split(' ').find(|code| code.eq_ignore_ascii_case(text));
        known
            .map(Self)
            .ok_or("not a currency's code by ISO 4217, such as EUR")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_codes_in_any_case() {
        assert_eq!("eur".parse(), Ok(Currency("EUR")));
        assert_eq!("JPY".parse(), Ok(Currency("JPY")));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", " ", "€", "EURO", "EU", "XXX", "EUR USD", "HRK", "EUR "] {
            assert!(text.parse::<Currency>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn codes_are_sorted_and_of_three_letters() {
        let codes: Vec<_> = CODES.split(' ').collect();
        assert!(codes.is_sorted());
        assert!(codes.iter().all(|code| code.len() == 3));
    }
}
