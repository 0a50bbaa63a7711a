package screening

import (
	"math"
	"testing"
)

// Names in these tests are invented.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b     string
		kind     Kind
		low, top float64
	}{
		// one name
		{"Anna Keller", "KELLER, Anna", KindPerson, 1, 1},
		{"Dr. Anna Keller", "Anna Keller", KindPerson, 0.95, 1},
		{"Anna Kellner", "Anna Keller", KindPerson, 0.85, 0.99},
		{"AnnaKeller", "Anna Keller", KindPerson, 0.95, 1},
		{"Anna Kel ler", "Anna Keller", KindPerson, 0.95, 1},
		{"A. Keller", "Anna Keller", KindPerson, 0.8, 0.97},
		{"Anna Anna Keller", "Anna Keller", KindPerson, 0.99, 1},
		{"Anna Maria Keller", "Anna Keller", KindPerson, 0.8, 0.97},
		{"Tom Keller", "Thomas Keller", KindPerson, 0.85, 0.97},
		{"K3ller, Ann4", "Anna Keller", KindPerson, 0.85, 0.97},
		{"Ann\u200ba Kеller", "Anna Keller", KindPerson, 1, 1}, // a zero-width space, a Cyrillic е
		{"Jürgen Müßig", "Juergen Muessig", KindPerson, 0.99, 1},
		// two names
		{"Anna Keller", "Anna Brandt", KindPerson, 0, 0.6},
		{"Anna Keller", "Keller", KindPerson, 0, 0.6},
		{"Anna Sophie Keller Brandt", "Anna Sophie Keller Vogel", KindPerson, 0, 0.7},
		{"", "Anna Keller", KindPerson, 0, 0},
		{"...", "...", KindPerson, 0, 0},
		// other scripts
		{"Григорий Хворостинин", "Grigory Khvorostinin", KindPerson, 0.95, 1},
		{"Григорий Хворостинин", "Grigorij Chworostinin", KindPerson, 0.9, 1},
		{"Wassilij Chworostinin", "Vasily Khvorostinin", KindPerson, 0.75, 1},
		{"طارق الدمشقاوي", "Tariq al-Dimashqawi", KindPerson, 0.88, 1},
		{"طارق الدمشقاوي", "Tariq al-Halabi", KindPerson, 0, 0.6},
		{"عبدالرحمن طارقي", "Abdul Rahman Tariqi", KindPerson, 0.85, 1},
		{"Νίκος Βαρδαλάς", "Nikos Vardalas", KindPerson, 0.95, 1},
		{"אבנר שטרנהל", "Avner Sternhal", KindPerson, 0.8, 1},
		{"박도윤", "Pak To-yun", KindPerson, 0.9, 1},
		{"タナカ・ヒロシ", "Tanaka Hiroshi", KindPerson, 0.9, 1},
		// Chinese
		{"曾明远", "Zeng Mingyuan", KindPerson, 0.95, 1},
		{"曾明远", "Tseng Ming-yüan", KindPerson, 0.85, 1},
		{"單國強", "Shan Guoqiang", KindPerson, 0.95, 1},
		{"單國強", "单国强", KindPerson, 1, 1},
		{"吕绿洲", "Lv Lvzhou", KindPerson, 0.88, 1},
		{"吕绿洲", "Lyu Lyuzhou", KindPerson, 0.88, 1},
		{"Ming Yuan Zeng", "ZENG Mingyuan", KindPerson, 0.95, 1},
		{"Цзэн Минъюань", "Zeng Mingyuan", KindPerson, 0.9, 1},
		{"曾明远", "曾鸣园", KindPerson, 0, 0.75}, // one sound, other characters
		{"曾明远", "曾明达", KindPerson, 0, 0.75},
		// organisations
		{"Kellerwerk Aktiengesellschaft", "Kellerwerk AG", KindOrganisation, 0.97, 1},
		{"ООО Келлерверк", "Kellerverk LLC", KindOrganisation, 0.93, 1},
		{"Kellerwerk AG", "Kellerwerk GmbH", KindOrganisation, 0.8, 0.95},
		{"Kellerwerk Fund II", "Kellerwerk Fund III", KindOrganisation, 0, 0.8},
		{"Brigade Forty-Four", "Brigade 44", KindOrganisation, 0.97, 1},
		{"K.W.B. Ltd", "KWB Limited", KindOrganisation, 0.97, 1},
		{"Smith & Keller", "Smith and Keller", KindOrganisation, 0.97, 1},
		{"KVB", "Keller Verein Brandt", KindOrganisation, 0.7, 0.8},
		{"北岭科技有限公司", "Beiling Science and Technology Company Limited", KindOrganisation, 0.9, 1},
		{"Beiling Keji Youxian Gongsi", "Beiling Science and Technology Co., Ltd.", KindOrganisation, 0.9, 1},
		{"Northern Trading Company", "Southern Trading Company", KindOrganisation, 0, 0.75},
	} {
		got := Compare(c.a, c.b, c.kind)
		if got.Score < c.low || got.Score > c.top {
			t.Errorf("Compare(%q, %q, %s) = %.3f, want %.2f to %.2f: %v", c.a, c.b, c.kind, got.Score, c.low, c.top, got.Alignment)
		}
	}
}

// TestExplained checks that a score can be read off its alignment.
func TestExplained(t *testing.T) {
	c := Compare("Григорий Kelner", "KELLER Grigory", KindPerson)
	sum := 0.0
	for _, p := range c.Alignment {
		sum += p.Weight
	}
	if math.Abs(sum-1) > 0.01 {
		t.Errorf("the weights of %v add up to %.3f", c.Alignment, sum)
	}
	if p := c.Alignment[0]; p.Query != "григорий" || p.Entry != "grigory" || p.Transformation != "transliterated from Cyrillic" {
		t.Errorf("first part: %+v", p)
	}
	c = Compare("Anna Keller", "Anna Brandt", KindPerson)
	if len(c.Against) == 0 || c.Against[0] != "one says keller where the other says brandt" {
		t.Errorf("against: %q", c.Against)
	}
}

func TestLongInput(t *testing.T) {
	long := ""
	for range 10_000 {
		long += "ab "
	}
	Compare(long, long, KindPerson)
	Compare(long, long, KindOrganisation)
}

func FuzzCompare(f *testing.F) {
	for _, s := range []string{"Anna Keller", "曾明远", "박도윤", "عبدالرحمن", "ООО «Север» 2", "L.L.C.", "İıßﬁ", "\xff\xfe", "a\u0301\u0301", "ａｂｃ", "'Abd al-"} {
		f.Add(s, "Keller Anna")
		f.Add("Север 44", s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, k := range []Kind{KindPerson, KindOrganisation} {
			c := Compare(a, b, k)
			if !(c.Score >= 0 && c.Score <= 1) {
				t.Fatalf("Compare(%q, %q, %s) = %v", a, b, k, c.Score)
			}
			for _, p := range c.Alignment {
				if !(p.Score >= 0 && p.Score <= 1 && p.Weight >= 0 && p.Weight <= 1) {
					t.Fatalf("Compare(%q, %q, %s): part %+v", a, b, k, p)
				}
			}
		}
	})
}
