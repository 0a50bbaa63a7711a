package screening

import "testing"

// Wade–Giles writes the same syllables with other letters, so that neither the beginning of a
// word nor the letters in it show that two are one; "chien" is a syllable of it, and chi'en is not written so.
func TestWadeGilesForPinyin(t *testing.T) {
	for _, pair := range [][2]string{
		{"Tseng Hsiao-p'ing", "Zeng Xiaoping"}, {"Lu Tse-tung", "Lu Zedong"}, {"Ssu-ma Ch'ien", "Sima Qian"}, {"Chien Fu-jung", "Qian Furong"},
		{"Tien Han-sheng", "Tian Hansheng"}, {"Hsieh Chih-chiang", "Xie Zhiqiang"},
	} {
		if got := Compare(pair[0], pair[1], KindPerson).Score; got < 0.8 {
			t.Errorf("%s, %s: %.3f", pair[0], pair[1], got)
		}
	}
	for word, want := range map[string]string{"chien": "chien", "qian": "chien", "xian": "hsien", "enlai": "enlai", "kuangtsung": "kuangtsung"} {
		if got := chineseKey(word); got != want {
			t.Errorf("%s: key %q, want %q", word, got, want)
		}
	}
}
