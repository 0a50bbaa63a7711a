package synth

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// RegisterClasses are the forms in which a copy of a register of people lies about.
func RegisterClasses() []string {
	return []string{"register/csv", "register/xlsx", "register/tsv", "register/zip", "register/sql", "register/json", "register/body", "register/html"}
}

// RegisterCopies makes n messages of every class, and n lists of people that
// are no register (Class "register/control"): guest lists, staff directories,
// tables without people.
func RegisterCopies(seed uint64, h *House, n int) []Mail {
	d := newDraw(seed, "register")
	var mails []Mail
	for _, class := range append(RegisterClasses(), "register/control") {
		for range n {
			mails = append(mails, h.registerMail(d, class, d.between(60, 400), d.day()))
		}
	}
	return inOrder(mails)
}

// registerMail is sent by somebody of the house, to a colleague or a private address of their own.
func (h *House) registerMail(d *draw, class string, rows int, when time.Time) Mail {
	pair := some(d, h.insiders(), 2)
	l := letter{from: box{pair[0].Name, pair[0].Addresses[0]}, subject: own(d, []string{"The list", "For the mailing", "Extract", "As requested", "Addresses for the canvass", "Data"}), when: when, internal: true}
	l.text = d.letterText("en", own(d, []string{"Here is the extract you asked for.", "I took this home to finish it.", "The whole list, please be careful with it.", "For the letters next week."}), personal(pair[1].Latin(), pair[0].Latin()))
	table := h.voters(d, rows)
	name := own(d, []string{"voters_ward7", "extract", "list_final", "register_north", "canvass", "addresses"})
	switch strings.TrimPrefix(class, "register/") {
	case "csv":
		l.attach = []part{attachment(name+".csv", "text/csv", joined(table, one(d, []string{",", ";"})))}
	case "tsv":
		l.attach = []part{attachment(name+".txt", "text/plain", joined(table, "\t"))}
	case "xlsx":
		l.attach = []part{attachment(name+".xlsx", typeXlsx, xlsx(table))}
	case "zip":
		l.attach = []part{attachment(name+".zip", "application/zip", zipFiles(file{name: name + ".csv", content: joined(table, ",")}))}
	case "sql":
		l.attach = []part{attachment(name+".sql", "text/plain", sqlDump(table))}
	case "json":
		l.attach = []part{attachment(name+".json", "application/json", jsonLines(table))}
	case "body":
		l.text += "\n\n" + string(joined(table, one(d, []string{", ", "\t", " | "})))
	case "html":
		l.html = d.html(l.text) + htmlTable(table)
	default:
		l.attach = []part{attachment(d.harmlessTable(h, when))}
	}
	return h.deliverTo(d, l, pair[1], Truth{Class: class, Malicious: class != "register/control"})
}

var streets = []string{"Mill Street", "Hafenweg", "Rue du Pont", "Calle Mayor", "Station Road", "Kirchgasse", "Via Roma", "Dorpsstraat", "Church Lane", "Ulica Lipowa", "High Street", "Am Anger"}
var towns = []string{"Oldmere", "Neustadt am See", "Port-Clair", "Villarío", "Ashby", "Kleindorf", "Monteluna", "Waterdam", "Lipnik Dolny", "Harrowgate"}

// voters invents rows of an electoral register, with a head.
func (h *House) voters(d *draw, n int) [][]string {
	rows := [][]string{{"elector_no", "surname", "given_names", "date_of_birth", "address", "postcode", "polling_district"}}
	if d.chance(40) {
		rows[0] = []string{"No", "Name", "Vorname", "Geburtsdatum", "Anschrift", "PLZ", "Wahlbezirk"}
	}
	format := one(d, []string{"2006-01-02", "02.01.2006", "02/01/2006"})
	for i := range n {
		s := d.stranger(h.cultures)
		born := time.Date(1930, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, d.IntN(27000))
		rows = append(rows, []string{
			fmt.Sprintf("%c%05d", 'A'+d.IntN(6), 10000+i*7), s.family.latin, s.given.latin, born.Format(format),
			fmt.Sprintf("%d %s %s", d.between(1, 140), one(d, streets), one(d, towns)), fmt.Sprint(d.between(10000, 99999)), fmt.Sprintf("W%02d", d.between(1, 12)),
		})
	}
	return rows
}

func joined(table [][]string, separator string) []byte {
	var b strings.Builder
	for _, row := range table {
		b.WriteString(strings.Join(row, separator) + "\n")
	}
	return []byte(b.String())
}

func sqlDump(table [][]string) []byte {
	var b strings.Builder
	b.WriteString("CREATE TABLE electors (no text, surname text, given text, born text, address text, postcode text, district text);\n")
	for _, row := range table[1:] {
		b.WriteString("INSERT INTO electors VALUES ('" + strings.Join(quoteAll(row, "'", "''"), "', '") + "');\n")
	}
	return []byte(b.String())
}

func quoteAll(row []string, old, new string) []string {
	out := make([]string, len(row))
	for i, c := range row {
		out[i] = strings.ReplaceAll(c, old, new)
	}
	return out
}

func jsonLines(table [][]string) []byte {
	var b strings.Builder
	for _, row := range table[1:] {
		fmt.Fprintf(&b, "{\"surname\":%q,\"given\":%q,\"born\":%q,\"address\":%q,\"postcode\":%q}\n", row[1], row[2], row[3], row[4], row[5])
	}
	return []byte(b.String())
}

func htmlTable(table [][]string) string {
	var b strings.Builder
	b.WriteString("<table border=\"1\">\n")
	for _, row := range table {
		b.WriteString("<tr><td>" + strings.Join(row, "</td><td>") + "</td></tr>\n")
	}
	return b.String() + "</table>"
}

// harmlessTable is a file of rows that nobody need worry about.
func (d *draw) harmlessTable(h *House, when time.Time) (name, mediaType string, content []byte) {
	switch d.IntN(4) {
	case 0: // guests: names only, and few
		rows := [][]string{{"guest", "table"}}
		for range d.between(8, 30) {
			rows = append(rows, []string{d.stranger(h.cultures).full(), fmt.Sprint(d.between(1, 6))})
		}
		return "guests.csv", "text/csv", joined(rows, ",")
	case 1: // the house's own directory: names, rooms, extensions
		rows := [][]string{{"name", "room", "extension"}}
		for _, p := range h.insiders() {
			rows = append(rows, []string{p.Latin(), fmt.Sprint(d.between(100, 599)), fmt.Sprint(d.between(2000, 5999))})
		}
		return "directory.xlsx", typeXlsx, xlsx(rows)
	case 2: // figures
		rows := [][]string{{"month", "item", "amount"}}
		for i := range d.between(40, 300) {
			rows = append(rows, []string{when.AddDate(0, -i%24, 0).Format("2006-01"), one(d, []string{"paper", "travel", "post", "catering"}), fmt.Sprint(d.between(10, 9000))})
		}
		return "budget.csv", "text/csv", joined(rows, ";")
	default: // noise in base64, as of a log
		return "log.txt", "text/plain", []byte(base64.StdEncoding.EncodeToString([]byte(d.hex(3000))))
	}
}
