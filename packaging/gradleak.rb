# Homebrew's formula, for a tap: see docs/releasing.md. `brew install --build-from-source ./packaging/gradleak.rb` tries it.
class Gradleak < Formula
  desc "Shows how much private training data can be read back from shared gradients"
  homepage "https://github.com/OWNER/gradleak"
  url "https://github.com/OWNER/gradleak/archive/refs/tags/v0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000" # of the release's archive
  license "MIT"
  head "https://github.com/OWNER/gradleak.git", branch: "main"

  depends_on "pkgconf" => :build
  depends_on "gmp"
  depends_on "jpeg-turbo"
  depends_on "libpng"
  depends_on "libyaml"
  uses_from_macos "swift" => :build, since: :sequoia
  uses_from_macos "sqlite"
  uses_from_macos "zlib"

  on_linux do
    depends_on "openblas"
  end

  def install
    arguments = ["--disable-sandbox", "-c", "release", "--product", "gradleak"]
    arguments << "--static-swift-stdlib" if OS.linux?
    system "swift", "build", *arguments
    bin.install ".build/release/gradleak"
    generate_completions_from_executable(bin/"gradleak", "--generate-completion-script")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/gradleak --version")
    system bin/"gradleak", "reconstruct", "chelsea", "--out", "out", "--quiet"
    assert_path_exists testpath/"out/contact-sheet.png"
  end
end
