package screening

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// syllabled invents a list of n people whose names are made of syllables.
func syllabled(n int) []Entity {
	parts := []string{"ka", "ro", "lin", "da", "mer", "to", "vis", "han", "bel", "su", "gra", "no", "pet", "ia", "zo", "ral", "fen", "mi"}
	draw := rand.New(rand.NewPCG(5, 6))
	word := func() (w string) {
		for range 2 + draw.IntN(2) {
			w += parts[draw.IntN(len(parts))]
		}
		return w
	}
	list := make([]Entity, n)
	for i := range list {
		list[i] = Entity{ID: fmt.Sprint(i), Kind: KindPerson, Names: []Name{{Text: word() + " " + word()}, {Text: word() + " " + word() + " " + word()}}}
	}
	return list
}

func BenchmarkSearch(b *testing.B) {
	list := syllabled(14000)
	x := NewIndex(list, Options{})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		x.Search(Query{Name: list[i%len(list)].Names[i%2].Text}, 5)
		i += 7
	}
}

func BenchmarkNewIndex(b *testing.B) {
	list := syllabled(14000)
	b.ReportAllocs()
	for b.Loop() {
		NewIndex(list, Options{})
	}
}

func BenchmarkCompare(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Compare("Grigorij Iljitsch Chworostinin", "KHVOROSTININ Grigory Ilyich", KindPerson)
	}
}
