using System.IO;
using System.Text;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Small files that are on the disk when the call returns.</summary>
internal static class DurableFile
{
    public static void Write(string path, string text)
    {
        using FileStream stream = File.Create(path);
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }

    public static void Copy(string from, string to)
    {
        using FileStream source = File.OpenRead(from), target = File.Create(to);
        source.CopyTo(target);
        target.Flush(flushToDisk: true);
    }
}
