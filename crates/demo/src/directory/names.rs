//! Names of the demo's people: lists by language, so that given and family names fit, each in its own spelling.

/// Given and family names that occur together, and the language their bearers prefer.
pub(super) struct Culture {
    pub language: &'static str,
    pub given: &'static [&'static str],
    pub family: &'static [&'static str],
}

pub(super) const CULTURES: &[Culture] = &[
    Culture {
        language: "en",
        given: &["Emily", "Noah", "Olivia", "Liam", "Grace", "Oscar", "Hannah", "Theo", "Maeve", "Callum"],
        family: &["Walker", "Hughes", "O’Brien", "MacDonald", "Fletcher", "Whitfield", "Barnes", "Ashworth"],
    },
    Culture {
        language: "de",
        given: &["Jürgen", "Anke", "Matthias", "Käthe", "Lukas", "Annika", "Björn", "Friederike"],
        family: &["Müller", "Schäfer", "Weiß", "Köhler", "Brandt", "Vogel", "Lindner", "Großmann"],
    },
    Culture {
        language: "fr",
        given: &["Zoë", "François", "Chloé", "Étienne", "Margaux", "Loïc", "Hélène", "Théo"],
        family: &["Dubois", "Lefèvre", "Girard", "Moreau", "Benoît", "Chevalier", "Roussel"],
    },
    Culture {
        language: "es",
        given: &["María", "José", "Lucía", "Álvaro", "Inés", "Sebastián", "Ximena", "Joaquín"],
        family: &["García", "Fernández", "Núñez", "Ibáñez", "Castillo", "Rojas", "Salazar"],
    },
    Culture {
        language: "pl",
        given: &["Łukasz", "Agnieszka", "Paweł", "Małgorzata", "Tomasz", "Zofia", "Michał"],
        family: &["Nowak", "Wiśniewski", "Zieliński", "Kamiński", "Dąbrowski", "Król", "Wróbel"],
    },
    Culture {
        language: "sv",
        given: &["Åsa", "Göran", "Linnéa", "Sven", "Ingrid", "Mårten", "Freja", "Søren"],
        family: &["Åkesson", "Lindqvist", "Nyström", "Sjöberg", "Hedlund", "Jørgensen", "Holm"],
    },
    Culture {
        language: "tr",
        given: &["Elif", "Mehmet", "Zeynep", "Emre", "Müge", "Çağlar", "Ayşe", "Burak"],
        family: &["Yılmaz", "Özdemir", "Şahin", "Aydın", "Koç", "Güneş", "Çelik"],
    },
    Culture {
        language: "en",
        given: &["Amara", "Chinedu", "Ama", "Kwame", "Ngozi", "Thabo", "Zuri", "Tendai", "Adaeze"],
        family: &["Okafor", "Mensah", "Adeyemi", "Nkosi", "Boateng", "Dlamini", "Eze", "Achieng"],
    },
    Culture {
        language: "en",
        given: &["Priya", "Arjun", "Ananya", "Rohan", "Kavya", "Vikram", "Meera", "Farhan"],
        family: &["Patel", "Sharma", "Iyer", "Reddy", "Chatterjee", "Singh", "Kapoor", "Nair"],
    },
    Culture {
        language: "ja",
        given: &["Yuki", "Haruto", "Sakura", "Ren", "Aoi", "Kenji", "Mei", "Sora"],
        family: &["Tanaka", "Suzuki", "Watanabe", "Ito", "Yamamoto", "Kobayashi", "Mori"],
    },
    Culture {
        language: "zh",
        given: &["Wei", "Xiuying", "Jun", "Lihua", "Mingyu", "Yichen", "Ruolan"],
        family: &["Wang", "Li", "Zhang", "Chen", "Liu", "Zhao", "Huang"],
    },
    Culture {
        language: "ar",
        given: &["Fatima", "Omar", "Layla", "Youssef", "Noor", "Karim", "Salma"],
        family: &["Haddad", "Mansour", "Khalil", "Farouk", "Nasser", "Rahman"],
    },
    Culture {
        language: "pt",
        given: &["Inês", "João", "Beatriz", "Tiago", "Mariana", "Gonçalo"],
        family: &["Silva", "Araújo", "Conceição", "Magalhães", "Pereira", "Simões"],
    },
    Culture {
        language: "vi",
        given: &["Linh", "Minh", "Trang", "Đức", "Hương", "Quân"],
        family: &["Nguyễn", "Trần", "Phạm", "Đặng", "Bùi", "Lê"],
    },
];

/// A department, what people do there, and its share of every ten.
pub(super) const DEPARTMENTS: &[(&str, &[&str])] = &[
    ("Engineering", &["Software Engineer", "Site Reliability Engineer", "Test Engineer", "Architect"]),
    ("Operations", &["Dispatcher", "Shift Lead", "Network Planner", "Terminal Supervisor"]),
    ("Sales", &["Account Manager", "Sales Engineer", "Bid Writer"]),
    ("Customer Care", &["Service Agent", "Team Lead", "Quality Coach"]),
    ("Finance", &["Accountant", "Controller", "Payroll Specialist"]),
    ("People and Culture", &["Recruiter", "Learning Partner", "HR Business Partner"]),
    ("Legal", &["Counsel", "Contract Manager", "Privacy Officer"]),
    ("Research", &["Data Scientist", "Hydrographer", "Research Fellow"]),
    ("Facilities", &["Facility Manager", "Electrician", "Receptionist"]),
];

pub(super) const CITIES: &[(&str, &str)] =
    &[("Hamburg", "+49 40"), ("Rotterdam", "+31 10"), ("Lisboa", "+351 21"), ("Gdańsk", "+48 58"), ("Lagos", "+234 1")];

/// The name in plain ASCII and lower case, as user names and mail addresses spell it.
pub(super) fn ascii(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        let plain = match letter {
            'a'..='z' | '0'..='9' => {
                out.push(letter);
                continue;
            }
            'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' | 'ă' | 'ạ' | 'ầ' | 'ặ' => "a",
            'ä' | 'æ' => "ae",
            'ç' | 'ć' => "c",
            'đ' => "d",
            'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ễ' => "e",
            'ğ' => "g",
            'í' | 'ì' | 'î' | 'ï' | 'ı' => "i",
            'ł' => "l",
            'ñ' | 'ń' => "n",
            'ó' | 'ò' | 'ô' | 'õ' | 'ơ' => "o",
            'ö' | 'ø' => "oe",
            'ş' | 'ś' => "s",
            'ß' => "ss",
            'ú' | 'ù' | 'û' | 'ư' | 'ứ' => "u",
            'ü' => "ue",
            'ź' | 'ż' => "z",
            ' ' | '-' | '’' | '\'' | '\u{307}' => continue,
            other => {
                let _ = write!(out, "u{:x}", u32::from(other));
                continue;
            }
        };
        out.push_str(plain);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_plain_spelling() {
        for culture in CULTURES {
            for name in culture.given.iter().chain(culture.family) {
                let plain = ascii(name);
                assert!(plain.bytes().all(|byte| byte.is_ascii_lowercase()), "{name} became {plain}");
            }
        }
    }
}
