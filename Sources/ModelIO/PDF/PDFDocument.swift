/// A PDF file that is being made (ISO 32000-1): text, lines and pictures on pages, bookmarks and links. Latin text is
/// in the standard fonts, which are not embedded; other characters in fonts of the machine, of which the glyphs that
/// are used are embedded.
///
/// The same calls give the same bytes, where the fonts and zlib are the same.
package struct PDFDocument {
  /// A place with a name.
  private struct Bookmark {
    let id: String
    let title: String
    let page: Int
    let y: Double
  }

  package let width: Double
  package let height: Double
  package var fonts: PDFFonts
  package var pages: [PDFPage] = []
  private var images: [Image] = []
  private var bookmarks: [Bookmark] = []

  /// - Parameters:
  ///   - width: of every page, in points.
  ///   - height: likewise.
  package init(width: Double, height: Double, fonts: SystemFonts) {
    self.width = width
    self.height = height
    self.fonts = PDFFonts(fonts)
  }

  package mutating func addPage() { pages.append(PDFPage(height: height)) }

  /// - Returns: its index, for ``PDFPage/image(_:x:y:width:height:)``.
  package mutating func add(_ image: Image) -> Int {
    images.append(image)
    return images.count - 1
  }

  /// A bookmark at a place of the last page, which links lead to.
  package mutating func bookmark(_ id: String, _ title: String, y: Double) {
    bookmarks.append(Bookmark(id: id, title: title, page: pages.count - 1, y: y))
  }

  /// The file.
  ///
  /// - Parameters:
  ///   - title: of the document.
  ///   - creator: the program that wrote it.
  ///   - day: of its creation, such as "20261128"; nil for none.
  ///   - isCompressed: whether streams are packed.
  package func bytes(
    title: String, creator: String, day: String?, isCompressed: Bool = true
  ) -> [UInt8] {
    var objects = PDFObjects(isCompressed: isCompressed)
    let (catalog, tree, resources) = (objects.reserve(), objects.reserve(), objects.reserve())
    let numbers = pages.map { _ in objects.reserve() }
    let fonts = writeFonts(&objects)
    let pictures = images.map { image in
      objects.addStream(
        image.pixels,
        "/Type /XObject /Subtype /Image /Width \(image.width) /Height \(image.height) "
          + "/ColorSpace /DeviceRGB /BitsPerComponent 8 ")
    }
    func list(_ prefix: String, _ numbers: [Int]) -> String {
      numbers.enumerated().map { "/\(prefix)\($0) \($1) 0 R" }.joined(separator: " ")
    }
    objects.set(
      resources, "<< /Font << \(list("F", fonts)) >> /XObject << \(list("I", pictures)) >> >>")
    let ends = "\(PDFSyntax.number(width)) \(PDFSyntax.number(height))"
    for (index, page) in pages.enumerated() {
      let content = objects.addStream(page.content)
      let links = page.links.compactMap { annotation($0, pages: numbers) }
        .map { "\(objects.add($0)) 0 R" }
      let annotations = links.isEmpty ? "" : " /Annots [\(links.joined(separator: " "))]"
      objects.set(
        numbers[index],
        "<< /Type /Page /Parent \(tree) 0 R /MediaBox [0 0 \(ends)] /Resources \(resources) 0 R "
          + "/Contents \(content) 0 R\(annotations) >>")
    }
    let kids = numbers.map { "\($0) 0 R" }.joined(separator: " ")
    objects.set(tree, "<< /Type /Pages /Count \(pages.count) /Kids [\(kids)] >>")
    let outline = writeOutline(&objects, pages: numbers)
    objects.set(
      catalog,
      "<< /Type /Catalog /Pages \(tree) 0 R /Lang (en) /ViewerPreferences << /DisplayDocTitle true >>"
        + (outline.map { " /Outlines \($0) 0 R /PageMode /UseOutlines" } ?? "") + " >>")
    let date = day.map { " /CreationDate (D:\($0)000000Z) /ModDate (D:\($0)000000Z)" } ?? ""
    let info = objects.add(
      "<< /Title \(PDFSyntax.text(title)) /Creator \(PDFSyntax.text(creator)) /Producer "
        + "\(PDFSyntax.text(creator))\(date) >>")
    return objects.file(root: catalog, info: info)
  }

  private func destination(_ bookmark: Bookmark, pages: [Int]) -> String {
    "[\(pages[bookmark.page]) 0 R /XYZ null \(PDFSyntax.number(height - bookmark.y)) null]"
  }

  private func annotation(_ link: PDFPage.Link, pages: [Int]) -> String? {
    bookmarks.first { $0.id == link.target }.map { target in
      let bottom = height - link.y - link.height
      let corners = [link.x, bottom, link.x + link.width, bottom + link.height]
      return "<< /Type /Annot /Subtype /Link /Border [0 0 0] /Rect ["
        + corners.map(PDFSyntax.number).joined(separator: " ")
        + "] /Dest \(destination(target, pages: pages)) >>"
    }
  }

  private func writeOutline(_ objects: inout PDFObjects, pages: [Int]) -> Int? {
    guard !bookmarks.isEmpty else { return nil }
    let root = objects.reserve()
    let items = bookmarks.map { _ in objects.reserve() }
    for (index, bookmark) in bookmarks.enumerated() {
      let previous = index > 0 ? " /Prev \(items[index - 1]) 0 R" : ""
      let next = index + 1 < items.count ? " /Next \(items[index + 1]) 0 R" : ""
      objects.set(
        items[index],
        "<< /Title \(PDFSyntax.text(bookmark.title)) /Parent \(root) 0 R\(previous)\(next) "
          + "/Dest \(destination(bookmark, pages: pages)) >>")
    }
    objects.set(
      root,
      "<< /Type /Outlines /First \(items[0]) 0 R /Last \(items[items.count - 1]) 0 R "
        + "/Count \(items.count) >>")
    return root
  }
}
