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
func detect(head []byte, o Options) (kind, error) {
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
		found = detectCSV(head, o)
	}
	switch {
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

// detectCSV goes by header lines, and by the shape of rows where there are none.
func detectCSV(head []byte, o Options) kind {
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
		case has("registration number", "registrant name"), has("registration number", "registration date", "name", "termination date"):
			return kinds.faraCSV
		case n == 0 && looksLikeOFAC(line):
			return kinds.ofacCSV
		}
	}
	return kind{}
}

func headings(line string) []string {
	r := csv.NewReader(strings.NewReader(line))
	r.Comma, r.FieldsPerRecord = separator([]byte(line)), -1
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

// looksLikeOFAC: no header, a number first, and nothing written as -0-.
func looksLikeOFAC(line string) bool {
	row := headings(line)
	n := len(row)
	return (n == 12 || n == 5 || n == 6) && row[0] != "" && strings.Trim(row[0], "0123456789") == "" && strings.Contains(line, "-0-")
}
