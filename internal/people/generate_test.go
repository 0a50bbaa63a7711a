package people

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generated is an invented directory of n people with surnames made of syllables
// and given names from several languages, as TOML and as CSV.
func generated(n int) (toml, csv string) {
	rnd := rand.New(rand.NewPCG(7, uint64(n)))
	given := strings.Fields("Anna Maria Peter Johanna Luis Carmen Igor Olena Ahmed Leyla Wei Min Aiko Kofi Amara Jean Claire Robert William Elizabeth Sven Ingrid Paolo Giulia Tomas Zofia Priya Arjun Tariq Noor")
	heads := strings.Fields("Bar Cor Del Fen Gar Hol Kar Lem Mor Nor Pel Quin Ras Sol Tar Ul Ver Wes Yor Zan Bri Cla Dro Fle Gri Kle Pra Sta Tru")
	middles := strings.Fields("a e i o u an en il or um as et ik ol un")
	tails := strings.Fields("berg dale mann sen sson ski ova ez ini ard ton ley wick quist ian opoulos escu enko adze")
	var t, c strings.Builder
	t.WriteString("[[organisation]]\nname = \"Parliament\"\nown = true\ndomains = [\"parliament.example\"]\n\n")
	c.WriteString("name,id,names,addresses,role,organisation,topics\n")
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	for i := range n {
		g, s := pick(given), pick(heads)+pick(middles)+pick(middles)+pick(tails)
		address := fmt.Sprintf("%s.%s%d@parliament.example", strings.ToLower(g), strings.ToLower(s), i)
		private := fmt.Sprintf("%s%d@home.example", strings.ToLower(s), i)
		variants := []string{g[:1] + ". " + s, s + " " + g}
		fmt.Fprintf(&t, "[[person]]\nname = %q\nid = \"p-%d\"\nnames = [%q, %q]\naddresses = [%q, %q]\nrole = \"Member\"\norganisation = \"Parliament\"\ntopics = [\"energy\", \"trade\"]\n\n",
			g+" "+s, i, variants[0], variants[1], address, private)
		fmt.Fprintf(&c, "%s,p-%d,%s;%s,%s;%s,Member,Parliament,energy;trade\n", g+" "+s, i, variants[0], variants[1], address, private)
	}
	return t.String(), c.String()
}
