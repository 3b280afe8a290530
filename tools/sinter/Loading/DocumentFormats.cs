using System.Collections.Generic;
using Sinter.Runtime.Training.Data;

namespace Sinter.Command.Loading;

/// <summary>The kinds of files that hold text for training and evaluation.</summary>
internal static class DocumentFormats
{
    public static IReadOnlyList<IDocumentFormat> All { get; } = [.. Corpus.PlainFormats, new ParquetFormat()];
}
