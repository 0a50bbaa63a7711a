package screening

import "strings"

// Country brings a country's code, name or the adjective of its people into one form,
// the ISO 3166 code where it is known.
func Country(s string) string {
	k := strings.Join(cut(fold(s)), " ")
	if c := countryCodes[k]; c != "" {
		return c
	}
	return k
}

var countryCodes = newCountryCodes(countryTable)

func newCountryCodes(table string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		code, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		m[code] = code
		for _, n := range strings.Split(rest, ",") {
			m[strings.TrimSpace(n)] = code
		}
	}
	return m
}
