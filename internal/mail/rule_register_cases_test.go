package mail

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	familyNames = strings.Fields("Abel Brandt Castell Duarte Elmi Fontane Grau Hollis Ivens Jansky Keller Lund Moreau Novak Okoye Petrov Quint Rossi Santos Thorne Urban Varga Weiss Xanthos Yilmaz Zeman")
	givenNames  = strings.Fields("Anna Boris Clara Daniel Eva Felix Greta Hugo Ines Jonas Klara Leo Maria Nina Oskar Paula Quentin Rosa Stefan Tina Ulrich Vera Walter Xenia Yusuf Zoe")
	cyrillic    = strings.Fields("Іваненко Петренко Шевчук Коваль Бондар Ткачук Мороз Кравець Олійник Лисенко Савчук Поліщук Марчук Романюк")
)

// lines writes n lines by a format function.
func lines(n int, head string, line func(i int) string) string {
	var b strings.Builder
	if head != "" {
		b.WriteString(head + "\n")
	}
	for i := range n {
		b.WriteString(line(i) + "\n")
	}
	return b.String()
}

func family(i int) string { return familyNames[i*7%len(familyNames)] }
func given(i int) string  { return givenNames[i*11%len(givenNames)] }

// bornOn is a day of birth, spread over lives.
func bornOn(i int, layout string) string {
	return time.Date(1931+i*17%72, time.Month(1+i%12), 1+i*5%28, 0, 0, 0, 0, time.UTC).Format(layout)
}

// recent is a day of some weeks ago.
func recent(i int, layout string) string {
	return time.Date(2024, 1, 1+i*3, 0, 0, 0, 0, time.UTC).Format(layout)
}

var registerHits = map[string]string{
	"csv without a head": lines(40, "", func(i int) string {
		return fmt.Sprintf("%s,%s,%s,%d Mill Street,%05d", family(i), given(i), bornOn(i, "2006-01-02"), i+1, 10000+i*37)
	}),
	"german, ten rows": lines(12, "Wählernummer;Nachname;Vorname;Geburtsdatum;Anschrift;PLZ;Wahlbezirk", func(i int) string {
		return fmt.Sprintf("%06d;%s;%s;%s;Hafenweg %d;%d;W%02d", 400100+i, family(i), given(i), bornOn(i, "02.01.2006"), i+1, 20000+i, i%4)
	}),
	"french, tabs": lines(30, "Nom de naissance\tPrénoms\tNé(e) le\tAdresse postale\tBureau de vote", func(i int) string {
		return fmt.Sprintf("%s\t%s\t%s\t%d rue du Pont\t%d", strings.ToUpper(family(i)), given(i), bornOn(i, "02/01/2006"), i+1, i%9)
	}),
	"names in one quoted column": lines(30, `"Full name","DOB","Address"`, func(i int) string {
		return fmt.Sprintf(`"%s, %s","%s","%d High Street, Oldmere"`, family(i), given(i), bornOn(i, "01/02/2006"), i+1)
	}),
	"cyrillic": lines(30, "Прізвище;Дата народження;Адреса", func(i int) string {
		return fmt.Sprintf("%s;%s;вул. Садова %d", cyrillic[i%len(cyrillic)], bornOn(i, "02.01.2006"), i+1)
	}),
	"members with e-mail": lines(60, "Name | Anschrift | PLZ | E-Mail", func(i int) string {
		return fmt.Sprintf("%s %s | Kirchgasse %d | %05d | m%d@example.org", given(i), family(i), i+1, 10000+i, i)
	}),
	"columns drawn with blanks": lines(40, "Surname         Given           Born        Address", func(i int) string {
		return fmt.Sprintf("%-15s %-15s %s  %d Station Road", family(i), given(i), bornOn(i, "2006-01-02"), i+1)
	}),
	"json in one line": "[" + strings.ReplaceAll(strings.TrimSpace(lines(60, "", func(i int) string {
		return fmt.Sprintf(`{"lastName":"%s","firstName":"%s","dateOfBirth":"%s","street":"Am Anger %d"}`, family(i), given(i), bornOn(i, "2006-01-02"), i+1)
	})), "\n", ",") + "]",
	"one long insert": "INSERT INTO `p` VALUES " + strings.ReplaceAll(strings.TrimSpace(lines(90, "", func(i int) string {
		return fmt.Sprintf("(%d,'%s','%s','%s','%d Church Lane, O\\'Hara Court')", i, family(i), given(i), bornOn(i, "2006-01-02"), i+1)
	})), "\n", ",") + ";",
	"columns lost": lines(40, "Register extract", func(i int) string {
		return fmt.Sprintf("A%05d %s %s %s %d Mill Street Oldmere %05d", 10000+i, family(i), given(i), bornOn(i, "02.01.2006"), i+1, 10000+i)
	}),
	"quoted in a mail": lines(40, "> No, Name, Vorname, Geburtsdatum, Anschrift", func(i int) string {
		return fmt.Sprintf("> %d, %s, %s, %s, Dorpsstraat %d", i, family(i), given(i), bornOn(i, "02-01-2006"), i+1)
	}),
}

// registerMisses are tables of good mail that look like lists of people.
var registerMisses = map[string]string{
	"nine rows": lines(9, "surname,date of birth,address,elector number", func(i int) string {
		return fmt.Sprintf("%s,%s,%d Mill Street,E%05d", family(i), bornOn(i, "2006-01-02"), i+1, 10000+i)
	}),
	"telephone list": lines(80, "Name;Room;Extension;Telephone", func(i int) string {
		return fmt.Sprintf("%s %s;B %d;%d;+49 30 5550 %04d", given(i), family(i), 100+i, 4000+i, 4000+i)
	}),
	"telephones and e-mail": lines(80, "Name,Telephone,E-mail", func(i int) string {
		return fmt.Sprintf("%s %s,+44 20 5550 %04d,p%d@example.org", given(i), family(i), 4000+i, i)
	}),
	"committee": lines(40, "Member,Party,Committee,Office,E-mail", func(i int) string {
		return fmt.Sprintf("%s %s,Green,Budget,Room %d,p%d@example.org", given(i), family(i), 100+i, i)
	}),
	"schedule": lines(60, "Date,Time,Speaker,Room", func(i int) string {
		return fmt.Sprintf("%s,%02d:00,%s %s,Hall %d", recent(i, "2006-01-02"), 9+i%9, given(i), family(i), i%5)
	}),
	"conference programme": lines(60, "", func(i int) string {
		return fmt.Sprintf("%02d:%02d  %s %s  A talk on topic %d  Room %d", 9+i%9, i%60, given(i), family(i), i, i%5)
	}),
	"bibliography": lines(60, "", func(i int) string {
		return fmt.Sprintf("%s, %c. (%d). On the history of item %d. Journal of Things, %d(%d), %d-%d.", family(i), given(i)[0], 1930+i, i, i, i%4, 10*i, 10*i+9)
	}),
	"books": lines(60, "Author;Title;Published;ISBN;Price", func(i int) string {
		return fmt.Sprintf("%s;The Garden;%s;97800000%05d;%d.90", family(i), bornOn(i, "2006-01-02"), i, 10+i)
	}),
	"orders": lines(60, "Order no,Customer,Order date,Address,Postcode,Amount", func(i int) string {
		return fmt.Sprintf("%d,%s %s,%s,%d Mill Street,%05d,%d.00", 700000+i, given(i), family(i), recent(i, "2006-01-02"), i+1, 10000+i, i)
	}),
	"orders without a head": lines(60, "", func(i int) string {
		return fmt.Sprintf("%d,%s %s,%s,%d.00", 700000+i, given(i), family(i), recent(i, "2006-01-02"), 100+i)
	}),
	"prices": lines(80, "Artikel;Bezeichnung;Preis;Gültig ab", func(i int) string {
		return fmt.Sprintf("%06d;Lampe Modell %d;%d,90;%s", 100000+i, i, i, recent(i, "02.01.2006"))
	}),
	"race": lines(80, "Rank\tBib\tName\tDate of birth\tClub\tTime", func(i int) string {
		return fmt.Sprintf("%d\t%d\t%s %s\t%s\tSC Oldmere\t1:%02d:%02d", i+1, 100+i, given(i), family(i), bornOn(i, "2006-01-02"), i%60, i%60)
	}),
	"goals": lines(80, "", func(i int) string {
		return fmt.Sprintf("%d. %s %s  (SC Oldmere)  %d  %d  %d", i+1, given(i), family(i), 30-i/3, 20-i/4, 60-i/2)
	}),
	"git log": lines(200, "", func(i int) string {
		return fmt.Sprintf("%07x, %s %s, %s, p%d@example.org, fix item %d", 0x1000000+i*7919, given(i), family(i), recent(i, "2006-01-02"), i%7, i)
	}),
	"source": lines(300, "", func(i int) string {
		return fmt.Sprintf("\tcase %d: return call(Name%d, %d, %q, 0x%x)", i, i, i*3, "Value", i)
	}),
	"quoted header": lines(40, "", func(i int) string {
		return fmt.Sprintf("> Received: from mx%d.example.org (mx%d.example.org, 192.0.2.%d); Mon, %d Jan 2024 10:00:00 +0000", i, i, i, 1+i%28)
	}),
	"digest": lines(60, "", func(i int) string {
		return fmt.Sprintf("   %d. Re: Subject of thread %d (%s %s)", i+1, i, given(i), family(i))
	}),
	"access log": lines(300, "", func(i int) string {
		return fmt.Sprintf(`192.0.2.%d - - [%s:10:00:%02d +0000] "GET /a/%d HTTP/1.1" 200 %d`, i%250, recent(i%30, "02/Jan/2006"), i%60, i, 1000+i)
	}),
	"shops": lines(80, "", func(i int) string {
		return fmt.Sprintf("%s Bakery;%d Mill Street;%05d;+44 20 5550 %04d", family(i), i+1, 10000+i, i)
	}),
	"instruments": lines(80, "Station;Installed;Serial;Place", func(i int) string {
		return fmt.Sprintf("%s;%s;SN%06d;Oldmere %d", family(i), recent(i, "2006-01-02"), 100000+i, i)
	}),
	"film list": lines(80, "", func(i int) string {
		return fmt.Sprintf("The Garden of %s, %s, %s, %d min", family(i), given(i), bornOn(i, "2006-01-02"), 80+i)
	}),
	"members of a parliament": lines(90, "Name,Date of birth,Constituency,Party", func(i int) string {
		return fmt.Sprintf("%s %s,%s,Oldmere %d,Green", given(i), family(i), bornOn(i, "2006-01-02"), i)
	}),
	"polling stations": lines(90, "Polling station;Address;Postcode;Officer", func(i int) string {
		return fmt.Sprintf("School number %d in Oldmere;%d Mill Street;%05d;%s %s", i, i+1, 10000+i, given(i), family(i))
	}),
	"staff": lines(90, "Name,Address,Postcode,E-mail,Telephone", func(i int) string {
		return fmt.Sprintf("%s %s,1 Parliament Square,10001,p%d@example.org,+44 20 5550 %04d", given(i), family(i), i, i)
	}),
	"birthdays": lines(90, "Name,Birthday", func(i int) string {
		return fmt.Sprintf("%s %s,%s,", given(i), family(i), bornOn(i, "2006-01-02"))
	}),
	"minutes": lines(90, "", func(i int) string {
		return fmt.Sprintf("%s %s said on %s that item %d of the agenda was settled", given(i), family(i), recent(i, "02.01.2006"), i)
	}),
	"prose": strings.Repeat("On 3 May, Anna Keller, who was born in 1950, moved to 12 Mill Street, Oldmere, where she lived for 20 years.\n", 60),
}

func registerIn(text string) (table, bool) {
	return biggest(text, findRows, time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC))
}

// TestRegisterLongLine: a table in one line of many megabytes takes no longer
// than as many lines would; a quadratic scan would not end in the test's time.
func TestRegisterLongLine(t *testing.T) {
	object := `{"surname":"Abel","born":"1950-01-02","street":"Am Anger 1"}`
	text := strings.Repeat(object+",", 400_000)
	if rows := findRows(text); len(rows) != maxRows {
		t.Errorf("%d rows, want the limit of %d", len(rows), maxRows)
	}
	if rows := findRows(strings.Repeat("0,1,2 ", 4<<20)); len(rows) != 0 {
		t.Errorf("%d rows in a line without end", len(rows))
	}
}

func TestRegisterHits(t *testing.T) {
	for name, text := range registerHits {
		if table, ok := registerIn(text); !ok {
			t.Errorf("%s: not found", name)
		} else {
			t.Logf("%s: %d rows with %s", name, table.rows, table.describe())
		}
	}
}

func TestRegisterMisses(t *testing.T) {
	for name, text := range registerMisses {
		if table, ok := registerIn(text); ok {
			t.Errorf("%s: %d rows with %s", name, table.rows, table.describe())
		}
	}
}
