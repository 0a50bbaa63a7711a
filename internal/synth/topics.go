package synth

import (
	_ "embed"
	"strings"
)

//go:embed text/topics.txt
var topicsText string

// topicKeys are the topics in English, as people.toml lists them.
func topicKeys() []string {
	var keys []string
	for line := range strings.Lines(topicsText) {
		key, _, _ := strings.Cut(line, "|")
		keys = append(keys, key)
	}
	return keys
}

// topicLanguages is the order of columns in topics.txt.
const topicLanguages = "en de fr es pl nl it uk zh"

// topicIn says the topic in the language.
func topicIn(key, lang string) string {
	column := 0
	for i, l := range strings.Fields(topicLanguages) {
		if l == lang {
			column = i
		}
	}
	for line := range strings.Lines(topicsText) {
		if fields := strings.Split(strings.TrimSpace(line), "|"); fields[0] == key {
			return fields[column]
		}
	}
	return key
}
