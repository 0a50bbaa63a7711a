package rows

// Dictionary1 is what values are stored with.
var Dictionary1 = dictionary1
