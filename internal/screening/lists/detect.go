package lists

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"slices"
	"strings"
)

// kind is one shape of file.
type kind struct {
	format Format
	name   string
	read   func(b *builder, in *bufio.Reader) error
}

var kinds = struct {
	ukCSV, ukXML, unXML, euXML, euCSV, euJournal, ofacCSV, ofacXML, targetsCSV, ftm, faraXML, faraCSV kind
}{
	ukCSV:      kind{UK, "uk csv", readUKCSV},
	ukXML:      kind{UK, "uk xml", readUKXML},
	unXML:      kind{UN, "un xml", readUN},
	euXML:      kind{EU, "eu xml", readEUXML},
	euCSV:      kind{EU, "eu csv", readEUCSV},
	euJournal:  kind{EU, "eu journal csv", readEUJournal},
	ofacCSV:    kind{OFAC, "ofac csv", readOFACCSV},
	ofacXML:    kind{OFAC, "ofac advanced xml", readOFACXML},
	targetsCSV: kind{OpenSanctions, "opensanctions csv", readTargets},
	ftm:        kind{OpenSanctions, "opensanctions ftm json", readFtM},
	faraXML:    kind{FARA, "fara xml", readFARA},
	faraCSV:    kind{FARA, "fara csv", readFARACSV},
}

// detect finds out what a file is from its beginning, and refuses it if the
// caller said something else.
func detect(head []byte, o Options, name string) (kind, error) {
	trimmed := bytes.TrimLeft(head, " \t\r\n\ufeff")
	if len(trimmed) == 0 {
		return kind{}, refuse(0, "it is empty")
	}
	var found kind
	switch {
	case trimmed[0] == '<':
		found = detectXML(trimmed)
	case trimmed[0] == '{':
		found = kinds.ftm
	default:
		found = detectCSV(head, o, name)
	}
	switch {
	case found.read == nil && found.name != "": // known, and not read
		return kind{}, refuse(0, "%s", found.name)
	case found.read == nil && o.Format == Auto:
		return kind{}, refuse(0, "it is none of the formats that are known (%v); for a CSV file of your own say csv, with --map if its headings are unusual", Formats())
	case found.read == nil:
		return kind{}, refuse(0, "it does not look like any file of the format %s; docs/LISTS.md shows what is read", o.Format)
	case o.Format != Auto && found.format != o.Format && !mapped(o.Format):
		return kind{}, refuse(0, "it is a file of the format %s (%s), not %s", found.format, found.name, o.Format)
	}
	return found, nil
}

func mapped(f Format) bool { return f == CSV || f == FIRS || f == FITS }

// detectXML goes by the root element, or by the first below it where roots are unspecific.
func detectXML(head []byte) kind {
	d := newXML(bytes.NewReader(head))
	for seen := 0; seen < 200; {
		t, err := d.Token()
		if err != nil {
			return kind{}
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		seen++
		switch start.Name.Local {
		case "sdnList":
			return kind{name: "it is OFAC's plain sdn.xml, which is not read; give sdn_advanced.xml, or sdn.csv with alt.csv, add.csv and sdn_comments.csv"}
		case "ArrayOfFinancialSanctionsTarget", "FinancialSanctionsTarget":
			return kind{name: closedUK}
		case "WHOLE":
			return kind{name: "it is the EU list in its old format; give xmlFullSanctionsList_1_1 or csvFullSanctionsList_1_1"}
		case "CONSOLIDATED_LIST":
			return kinds.unXML
		case "Designations", "Designation":
			return kinds.ukXML
		case "sanctionEntity":
			return kinds.euXML
		case "export":
			if strings.Contains(start.Name.Space, "europa") {
				return kinds.euXML
			}
		case "ReferenceValueSets", "DistinctParties":
			return kinds.ofacXML
		case "ROW":
			return kinds.faraXML
		}
	}
	return kind{}
}

// closedUK says why the other list of the United Kingdom is not read.
const closedUK = "it is OFSI's consolidated list, which is not kept up since January 2026; give the UK Sanctions List instead"

// detectCSV goes by header lines, and by the shape of rows where there are none.
func detectCSV(head []byte, o Options, name string) kind {
	if mapped(o.Format) {
		return kind{o.Format, string(o.Format), readMapped}
	}
	text := string(head)
	if strings.HasPrefix(text, "amendedCelex,") || strings.HasPrefix(text, "celex,recordId,") || strings.Contains(text, "\namendedCelex,") || strings.Contains(text, "\ncelex,recordId,") {
		return kinds.euJournal
	}
	for n, line := range splitLines(text, 3) {
		columns := headings(line)
		has := func(names ...string) bool {
			return !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(columns, n) })
		}
		switch {
		case has("unique id", "name 6"):
			return kinds.ukCSV
		case has("entity logicalid", "namealias wholename"):
			return kinds.euCSV
		case has("id", "schema", "name", "aliases"):
			return kinds.targetsCSV
		case has("name 6", "group type", "group id"), has("name 6", "alias type", "group type"):
			return kind{name: closedUK}
		case has("naal wholename"), has("entity logical id"):
			return kind{name: "it is the EU list in its old format; give csvFullSanctionsList_1_1 or xmlFullSanctionsList_1_1"}
		case has("date stamped", "document type", "registration number"):
			return kind{name: "it is the FARA register's index of documents, which names nobody that the other three files do not; give registrants, foreign principals and short forms"}
		case has("registration number", "registrant name"), has("registration number", "registration date", "name", "termination date"):
			return kinds.faraCSV
		case n == 0 && looksLikeOFAC(line, o, name):
			return kinds.ofacCSV
		}
	}
	return kind{}
}

func headings(line string) []string { return parted(line, separator([]byte(line))) }

func parted(line string, comma rune) []string {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.FieldsPerRecord = comma, -1
	row, err := r.Read()
	if err != nil {
		return nil
	}
	for i := range row {
		row[i] = heading(row[i])
	}
	return row
}

func splitLines(text string, n int) []string {
	lines := strings.SplitN(text, "\n", n+1)
	return lines[:min(n, len(lines))]
}

// looksLikeOFAC: no header, a number first, and nothing written as -0-. The file of
// comments has no such mark: it goes by its two fields and by what it is called.
func looksLikeOFAC(line string, o Options, name string) bool {
	row := parted(line, ',') // remarks have more semicolons than a row has commas
	n := len(row)
	if n < 2 || row[0] == "" || strings.Trim(row[0], "0123456789") != "" {
		return false
	}
	if n == 2 {
		return o.Format == OFAC || strings.Contains(strings.ToLower(name), "comments")
	}
	return (n == 12 || n == 5 || n == 6) && strings.Contains(line, "-0-")
}
