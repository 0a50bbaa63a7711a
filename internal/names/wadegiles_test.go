package names

import "testing"

func TestWadeGiles(t *testing.T) {
	for han, want := range map[string]string{
		"欧阳": "ouyang", "文静": "wenching", "泽东": "tsetung", "小平": "hsiaoping", "恩来": "enlai", "志强": "chihchiang",
		"国锋": "kuofeng", "学良": "hsuehliang", "建军": "chienchun", "永贵": "yungkuei", "秀英": "hsiuying", "单": "shan",
	} {
		if got := wadeGiles(han); got != want {
			t.Errorf("%s: %q, want %q", han, got, want)
		}
	}
	if got := wadeGiles("a"); got != "" {
		t.Errorf("Latin letters: %q", got)
	}
}

// An imitation keeps the capital at the beginning of a name, and other alphabets'
// capitals look like other letters than their small ones.
func TestImitatedGreekAndHan(t *testing.T) {
	x := NewIndex([]Entry{{Key: 1, Name: "Γεώργιος Παπαδόπουλος"}, {Key: 2, Name: "欧阳文静"}, {Key: 3, Name: "Володимир Шевчук"}})
	for text, want := range map[string]int{
		"Γεώργιος Παπαδόπoυλoς": 1, // Latin o
		"Γεώργιoς Παπαδόπουλος": 1,
		"Ou-yang Wen-ching":     2,
		"Ouyang Wen-ching":      2,
		"Вoлодимир Шeвчук":      3,
	} {
		found := x.Lookup(text)
		if len(found) == 0 || found[0].Key != want {
			t.Errorf("%s: %+v", text, found)
		}
	}
	for _, text := range []string{"Γεώργιος Παπανδρέου", "Wang Wen-ching", "Володимир Шевченко"} {
		if found := x.Lookup(text); len(found) > 0 {
			t.Errorf("%s: %+v", text, found)
		}
	}
}
