package mail

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkRegister measures what every text pays, and what lists cost.
func BenchmarkRegister(b *testing.B) {
	prose := strings.Repeat("On Monday the committee met, as it does every month, and heard what 12 people\nhad to say. Nobody wanted to be brief, and so the matter was put off until May.\n", 6000)
	for name, text := range map[string]string{
		"prose":  prose,
		"source": strings.Repeat(registerMisses["source"], 40),
		"orders": strings.Repeat(registerMisses["orders"], 200),
		"list":   strings.Repeat(registerHits["csv without a head"], 400),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
			for b.Loop() {
				biggest(text, findRows, now)
			}
		})
	}
}
