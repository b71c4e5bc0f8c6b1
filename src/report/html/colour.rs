//! The colours of the report: every role has one light value, used for nothing else, and one dark value.

use std::fmt;

/// A colour in a light page. Its value in a dark page stands next to it in [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PageColour(u32);

impl fmt::Display for PageColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

macro_rules! colours {
    ($($(#[$doc:meta])* $name:ident $light:literal $dark:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: PageColour = PageColour($light);)*

        /// Every colour with its dark value.
        pub(super) const TABLE: &[(PageColour, PageColour)] = &[$(($name, PageColour($dark))),*];
    };
}

colours! {
    BACKGROUND 0xffffff 0x0f1216;
    INK 0x1b1f24 0xe9ecef;
    /// Secondary text, and the offered rate.
    SECONDARY 0x545d68 0xa5afba;
    TERTIARY 0x6b7480 0x8d97a3;
    RULE 0xd5dae0 0x30363e;
    GRID 0xe8ebef 0x20252b;
    /// The warm-up, and code.
    SHADE 0xf3f5f7 0x181c21;
    BEYOND 0xfcf1ee 0x261b19;
    PASS 0x12715b 0x4cc3a0;
    FAIL 0xb93218 0xff8a70;
    INCONCLUSIVE 0x7d5a00 0xe3b341;
    P50 0x5a93cf 0x4f82b8;
    P50_LABEL 0x3b76b5 0x6ea3dc;
    /// P95, done, the run after.
    P95 0x1d5fae 0x7db4f2;
    P99 0x0c2f5e 0xc3dbf8;
    MAX 0x8a94a0 0x76808c;
    BEFORE_P50 0xc07f30 0xb07a38;
    BEFORE_P50_LABEL 0x93601f 0xc99350;
    BEFORE_P95 0x9a5208 0xe2a25a;
    BEFORE_P99 0x5f3206 0xffdcb0;
    BAND 0xc9dcf2 0x1e3a5a;
    BEFORE_BAND 0xf0d9bd 0x4a3216;
    WITHIN_LIMIT 0x6c94c3 0x4a6f9e;
    BEYOND_LIMIT 0xcb735d 0xb95f48;
    TIMEOUT 0xb93219 0xff8b70;
    HTTP_STATUS 0xb57b14 0xd9a440;
    CONNECTION 0x7a50b0 0xb795e6;
    SEND_LAG 0xa4adb8 0x5d6773;
    WAIT 0x7b8591 0x86909c;
    DNS 0x0b4f45 0x8fe0cb;
    CONNECT 0x2b8577 0x4bb09a;
    TLS 0x7cc0b2 0x2b7466;
    SLOT 0x9aa2ac 0x6f7985;
    REDIRECT 0x4a86c5 0x5b93d6;
    FIRST_BYTE 0x1d5fad 0x7db4f1;
    BODY 0x8db9e8 0x3f6c9e;
    HEAT_0 0xeaf1f9 0x152232;
    HEAT_1 0xcfe0f2 0x1a3350;
    HEAT_2 0xa9c8e8 0x224a76;
    HEAT_3 0x7eabd9 0x2f659f;
    HEAT_4 0x528cc5 0x4785c4;
    HEAT_5 0x2f6cab 0x70a9e3;
    HEAT_6 0x184d87 0xa5cdf6;
    HEAT_7 0x0b2f5c 0xe0efff;
}

/// From few requests to many.
pub(super) const HEAT: [PageColour; 8] = [
    HEAT_0, HEAT_1, HEAT_2, HEAT_3, HEAT_4, HEAT_5, HEAT_6, HEAT_7,
];

/// The dark value of a colour.
pub(super) fn dark(colour: PageColour) -> PageColour {
    let found = TABLE.iter().find(|(light, _)| *light == colour);
    found.map_or(colour, |&(_, dark)| dark)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// WCAG 2: relative luminance and contrast.
    fn luminance(colour: PageColour) -> f64 {
        let channel = |shift: u32| {
            let value = f64::from(colour.0 >> shift & 0xff) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(a: PageColour, b: PageColour) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        let black = PageColour(0);
        assert!((contrast(black, BACKGROUND) - 21.0).abs() < 1e-9);
        assert!((contrast(PageColour(0x767676), BACKGROUND) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_light_value_has_one_role() {
        let light: BTreeSet<PageColour> = TABLE.iter().map(|(light, _)| *light).collect();
        assert_eq!(light.len(), TABLE.len());
    }

    #[test]
    fn text_is_legible_in_both_modes() {
        let texts = [
            INK,
            SECONDARY,
            TERTIARY,
            PASS,
            FAIL,
            INCONCLUSIVE,
            P50_LABEL,
            P95,
            P99,
            BEFORE_P50_LABEL,
            BEFORE_P95,
            BEFORE_P99,
            TIMEOUT,
            CONNECTION,
        ];
        for text in texts {
            let light = contrast(text, BACKGROUND);
            let dark = contrast(dark(text), dark(BACKGROUND));
            assert!(light >= 4.5, "{text}: {light:.2} light");
            assert!(dark >= 4.5, "{text}: {dark:.2} dark");
        }
    }

    #[test]
    fn lines_and_bars_are_seen_in_both_modes() {
        for mark in [
            P50,
            P95,
            P99,
            MAX,
            BEFORE_P50,
            BEFORE_P95,
            BEFORE_P99,
            WITHIN_LIMIT,
            BEYOND_LIMIT,
            TIMEOUT,
            HTTP_STATUS,
            CONNECTION,
        ] {
            assert!(contrast(mark, BACKGROUND) >= 3.0, "{mark} light");
            assert!(contrast(dark(mark), dark(BACKGROUND)) >= 3.0, "{mark} dark");
        }
    }
}
