@main struct Gradleak { static func main() {} }
