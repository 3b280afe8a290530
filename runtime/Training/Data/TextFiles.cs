using System;
using System.IO;
using System.Text;

namespace Sinter.Runtime.Training.Data;

/// <summary>Opens text files, or says in a sentence why not.</summary>
internal static class TextFiles
{
    /// <exception cref="SinterException">The file is missing or may not be read.</exception>
    public static StreamReader Open(string path)
    {
        try
        {
            return new StreamReader(path, Encoding.UTF8, detectEncodingFromByteOrderMarks: true, 1 << 16);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SinterException(File.Exists(path) ? $"{path}: the file cannot be read: {fault.Message}" : $"{path}: there is no such file.", fault);
        }
    }
}
