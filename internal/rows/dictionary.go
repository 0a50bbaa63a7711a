package rows

import (
	_ "embed"
	"sync"

	"github.com/klauspost/compress/s2"
)

// What is stored of a message is small and says much the same each time: names of
// fields, of rules, the sentences that rules speak. By itself such a record compresses
// to half; with a text before it that holds all of this, to a quarter, in no more time.
//
// The text is the rules' own phrases and a few verdicts and copies of the shipped
// examples, those last that save most. It is part of the stored form: it must never
// change by a byte. Phrases that come later are stored all the same, only longer; a new
// text gets a new number, and this one stays for what was stored with it.
//
//go:embed dictionary1.txt
var dictionary1 []byte

// dictionaryTo is where a dictionary stops helping: its reach is 64 kB, and longer
// values are faster without.
const dictionaryTo = 64 << 10

var first = sync.OnceValue(func() *s2.Dict { return s2.MakeDict(dictionary1, nil) })
