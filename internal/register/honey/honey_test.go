package honey_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
	"portcullis.example/portcullis/internal/register/honey"
)

var made = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var head = []string{"elector_no", "surname", "given_names", "sex", "date_of_birth", "street", "house_no", "postcode", "town", "ward", "status"}

// syllables make names, so that there are many and their frequencies fall as those of names do.
var syllables = strings.Fields("ba ber dan dor el fen gar hal in jor kal lin mar nor os pel quin ras sel tor ul van wes yor zan")

func zipf(r *rand.Rand, n int) int {
	return min(n-1, int(math.Exp(r.Float64()*math.Log(float64(n))))-1)
}

func name(i, shift int) string {
	i = i*7919 + shift
	s := syllables[i%25] + syllables[i/25%25] + syllables[i/625%25]
	return strings.ToUpper(s[:1]) + s[1:]
}

// register invents rows: fashions in given names, families that live together, streets with a postcode and a ward,
// numbers with a check digit (Luhn) that begin with the district.
func register(seed uint64, n int) [][]string {
	r := rand.New(rand.NewPCG(seed, 3))
	var rows [][]string
	used := map[string]bool{}
	for len(rows) < n {
		street := zipf(r, 300)
		family, number := name(zipf(r, 4000), 11), 1+r.IntN(20+street%7*20)
		size := 1 + r.IntN(4)*r.IntN(2)
		year := 1935 + r.IntN(65)
		for i := range size {
			sex, born := "MF"[(i+r.IntN(2))%2:][:1], year+i/2*26+r.IntN(4)
			if born > 2006 {
				break
			}
			if i == 1 && r.IntN(5) == 0 {
				family = name(zipf(r, 4000), 11)
			}
			shift := 1000 * (born / 10 % 10)
			if sex == "F" {
				shift += 500
			}
			id := luhnOf(fmt.Sprintf("%02d%07d", 10+street%40, r.IntN(10_000_000)))
			if used[id] {
				continue
			}
			used[id] = true
			day := time.Date(born, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(365))
			rows = append(rows, []string{id, family, name(zipf(r, 150), shift), sex, day.Format("02.01.2006"), name(street, 77) + " Street", fmt.Sprint(number),
				fmt.Sprint(10000 + street), "Oldmere", fmt.Sprintf("W%02d", street%23), []string{"", "", "", "", "postal"}[r.IntN(5)]})
		}
	}
	return rows[:n]
}

func luhnOf(d string) string {
	for c := range 10 {
		sum := 0
		all := d + fmt.Sprint(c)
		for i := range len(all) {
			v := int(all[len(all)-1-i] - '0')
			if i%2 == 1 {
				if v *= 2; v > 9 {
					v -= 9
				}
			}
			sum += v
		}
		if sum%10 == 0 {
			return all
		}
	}
	return d
}

// learn makes a model, and tells who is real.
func learn(t testing.TB, b *honey.Book, rows [][]string) (*honey.Model, honey.Taken, []honey.Column) {
	t.Helper()
	columns := honey.Guess(head)
	l, err := honey.NewLearner(columns)
	if err != nil {
		t.Fatal(err)
	}
	key, err := b.Key()
	if err != nil {
		t.Fatal(err)
	}
	real := copies.NewBuilder(key, "the register", len(rows))
	for _, row := range rows {
		l.Add(row)
		if err := real.Add(honey.Person(columns, row)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := l.Model()
	if err != nil {
		t.Fatal(err)
	}
	f := real.Filter(made)
	return m, func(p copies.Person) bool { return p.ID != "" && f.HasID(p.ID) || p.ID == "" && f.HasPerson(p) }, columns
}

func book(t testing.TB) *honey.Book {
	t.Helper()
	b, err := honey.OpenBook(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func order(recipient string, n int) honey.Order {
	return honey.Order{Recipient: recipient, Extract: "2026-03", Count: n, Made: made}
}

func TestPlant(t *testing.T) {
	rows := register(1, 20_000)
	b := book(t)
	m, taken, columns := learn(t, b, rows)
	real := map[string]bool{}
	for _, row := range rows {
		real[row[0]], real[row[1]+row[2]+row[4]] = true, true
	}
	all, set, err := b.Plant(m, order("Printers", 500), taken)
	if err != nil {
		t.Fatal(err)
	}
	others, _, err := b.Plant(m, order("Party", 500), taken)
	if err != nil {
		t.Fatal(err)
	}
	mine := map[string]bool{}
	for _, v := range all {
		if real[v.Row[0]] || real[v.Row[1]+v.Row[2]+v.Row[4]] {
			t.Errorf("a real voter: %v", v.Row)
		}
		if luhnOf(v.Row[0][:9]) != v.Row[0] {
			t.Errorf("the number does not check: %v", v.Row)
		}
		if p := honey.Person(columns, v.Row); p.ID != v.Person.ID || p.Given != v.Person.Given {
			t.Errorf("%+v is not %v", v.Person, v.Row)
		}
		mine[v.Row[0]], mine[v.Row[1]+v.Row[2]+v.Row[4]] = true, true
	}
	for _, v := range others {
		if mine[v.Row[0]] || mine[v.Row[1]+v.Row[2]+v.Row[4]] {
			t.Errorf("a voter of both sets: %v", v.Row)
		}
	}
	if _, _, err := b.Plant(m, order("Printers", 5), taken); err == nil {
		t.Error("one extract has two sets")
	}
	again, err := b.Voters(set)
	if err != nil || !slices.EqualFunc(all, again, func(a, b honey.Voter) bool { return slices.Equal(a.Row, b.Row) }) {
		t.Errorf("derived again it is another set: %v", err)
	}
	w, err := b.Watch(func(id []byte) (uint64, error) { return uint64(len(id)) << 40, nil })
	if err != nil || w.Len() != 1000 {
		t.Fatalf("%d watched, %v", w.Len(), err)
	}
	if name, ok := w.HitPerson(all[7].Person); !ok || !strings.Contains(name, "Printers") {
		t.Errorf("%q %t", name, ok)
	}
	if _, ok := w.Hit(10 << 40); !ok {
		t.Error("no hit by the ledger's number")
	}
}

// TestDense: numbers without gaps leave only what lies behind the last.
func TestDense(t *testing.T) {
	rows := register(1, 2000)
	for i := range rows {
		rows[i][0] = fmt.Sprint(100_000 + i)
	}
	b := book(t)
	m, taken, _ := learn(t, b, rows)
	all, _, err := b.Plant(m, order("Printers", 20), taken)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if taken(copies.Person{ID: v.Row[0]}) {
			t.Errorf("taken: %v", v.Row)
		}
	}
}

// TestDetection measures in how many random draws of N rows at least one is a honey voter, at one in a
// thousand. Drawing without replacement it is 1-(1-0.001)^N or slightly more: 99 % from 4,603 rows on.
func TestDetection(t *testing.T) {
	rows := register(1, 100_000)
	b := book(t)
	m, taken, columns := learn(t, b, rows)
	all, _, err := b.Plant(m, order("Printers", 100), taken)
	if err != nil {
		t.Fatal(err)
	}
	w, err := b.Watch(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		rows = append(rows, v.Row)
	}
	hit := make([]bool, len(rows))
	for i, row := range rows {
		p := honey.Person(columns, row)
		if born, err := time.Parse("02.01.2006", p.Born); err == nil {
			p.Born = born.Format(time.DateOnly)
		}
		_, hit[i] = w.HitPerson(p)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for _, n := range []int{500, 1000, 2300, 4603, 6900} {
		const trials = 4000
		found := 0
		for range trials {
			for range n {
				if hit[r.IntN(len(hit))] {
					found++
					break
				}
			}
		}
		got, want := float64(found)/trials, 1-math.Pow(1-100/float64(len(rows)), float64(n))
		t.Logf("%5d rows: found in %.1f %% of %d draws; %.1f %% by calculation", n, 100*got, trials, 100*want)
		if math.Abs(got-want) > 0.03 || n == 4603 && got < 0.98 {
			t.Errorf("%d rows: %.3f, want %.3f", n, got, want)
		}
	}
}

// TestPlausible lets a classifier that is trained on half of the honey voters and as many real ones tell the other half
// apart: naive Bayes over each column, over pairs of columns, and over the neighbours in a household.
// The area under its curve is that of a coin (0.5) for voters that cannot be told; the bound leaves room for chance.
func TestPlausible(t *testing.T) {
	rows := register(1, 60_000)
	b := book(t)
	m, taken, _ := learn(t, b, rows)
	all, _, err := b.Plant(m, order("Printers", 6000), taken)
	if err != nil {
		t.Fatal(err)
	}
	var invented [][]string
	for _, v := range all {
		invented = append(invented, v.Row)
	}
	fresh := register(2, 6000) // of the same country, unknown to the model
	seen := rows[:6000]
	t.Logf("real rows of one half against real rows of the other: %.3f", tell(seen, fresh))
	for what, real := range map[string][][]string{"rows it learned from": seen, "rows it never saw": fresh} {
		auc := tell(real, invented)
		t.Logf("a classifier's area under the curve against %s: %.3f", what, auc)
		if auc > 0.60 {
			t.Errorf("honey voters can be told from %s: %.3f", what, auc)
		}
	}
	// the classifier is not blind: voters drawn column by column are told apart
	r := rand.New(rand.NewPCG(1, 1))
	shuffled := make([][]string, 6000)
	for i := range shuffled {
		shuffled[i] = make([]string, len(head))
		for c := range head {
			shuffled[i][c] = rows[r.IntN(len(rows))][c]
		}
	}
	if auc := tell(seen, shuffled); auc < 0.8 {
		t.Errorf("the classifier cannot tell shuffled columns either: %.3f", auc)
	}
}

func features(row []string) []string {
	born := row[4]
	decade, ward := born[6:9], row[9]
	f := []string{"f" + row[1][:2], "g" + row[2] + decade + row[3], "s" + row[3] + decade, "m" + born[:5], "d" + born[:2], "st" + row[5] + row[7], "w" + ward + row[5],
		"p" + row[0][:2] + row[5], "x" + row[10], "len" + fmt.Sprint(len(row[0])), "h" + fmt.Sprint(len(row[6])) + row[5], "o" + fmt.Sprint(row[6][len(row[6])-1]%2), "y" + born[6:]}
	return f
}

// tell trains on the first halves and returns the area under the ROC curve of the second.
func tell(real, invented [][]string) float64 {
	counts := [2]map[string]float64{{}, {}}
	for class, rows := range [2][][]string{real[:len(real)/2], invented[:len(invented)/2]} {
		for _, row := range rows {
			for _, f := range features(row) {
				counts[class][f]++
			}
		}
	}
	score := func(row []string) (s float64) {
		for _, f := range features(row) {
			s += math.Log((counts[1][f] + 0.5) / (counts[0][f] + 0.5))
		}
		return s
	}
	type scored struct {
		s       float64
		planted bool
	}
	var all []scored
	for _, row := range real[len(real)/2:] {
		all = append(all, scored{score(row), false})
	}
	for _, row := range invented[len(invented)/2:] {
		all = append(all, scored{score(row), true})
	}
	slices.SortFunc(all, func(a, b scored) int {
		if a.s < b.s {
			return -1
		}
		return 1
	})
	ranks, planted := 0.0, 0.0
	for i, a := range all {
		if a.planted {
			ranks += float64(i + 1)
			planted++
		}
	}
	return (ranks - planted*(planted+1)/2) / (planted * (float64(len(all)) - planted))
}

func TestGuess(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"elector_no,surname,given_names,date_of_birth,address,postcode,polling_district", "id family given born address postcode other"},
		{"No,Name,Vorname,Geburtsdatum,Anschrift,PLZ,Wahlbezirk", "id family given born address postcode other"},
		{"id,name,street,ward,born", "id name street other born"},
	} {
		var got []string
		for _, col := range honey.Guess(strings.Split(c.head, ",")) {
			got = append(got, string(col.Role))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v", c.head, got)
		}
	}
	if err := honey.Check(honey.Guess([]string{"a", "b"})); err == nil {
		t.Error("columns without names suffice")
	}
}
